import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { DelegationLedger } from '../../src/ledger/ledger.ts';
import { isTerminal, openStatuses, statuses, terminalStatuses } from '../../src/ledger/transitions.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase();

/** Which version of the row this is: any write makes another. */
async function versionOf(id: string): Promise<unknown> {
  return database.query('SELECT xmin::text, ctid::text FROM delegations WHERE delegation_id = $1', [id]);
}

/** Seconds by which the last heartbeat precedes an instant, on the database's clock and with its precision. */
async function secondsBefore(id: string, instant: string): Promise<number> {
  const [row] = await database.query<{ seconds: number }>(
    `SELECT extract(epoch FROM ${instant} - last_heartbeat)::float8 AS seconds FROM delegations WHERE delegation_id = $1`,
    [id],
  );
  return row!.seconds;
}

async function keepThreshold(stuckAfterMs: number | null): Promise<void> {
  await database.query('UPDATE sweeper_state SET stuck_after_ms = $1', [stuckAfterMs]);
  await database.query('UPDATE sweeper_threshold SET stuck_after_ms = $1', [stuckAfterMs]);
}

describe('a heartbeat', () => {
  test.each(openStatuses)('stamps a delegation that is %s', async (status) => {
    const { ledger, lines } = testLedger(database.db);
    const id = await seedDelegation(database, { status, silentSeconds: 100 });
    const before = await ledger.get(id);
    expect(await ledger.heartbeat(id)).toEqual({ delegationId: id, outcome: 'stamped', status });
    expect(await secondsBefore(id, 'clock_timestamp()')).toBeLessThan(100);
    const after = await ledger.get(id);
    expect(after).toEqual({ ...before, lastHeartbeat: after!.lastHeartbeat });
    expect(await ledger.history(id)).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  test('stamps a delegation that has no heartbeat yet', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status: 'queued' });
    expect(await ledger.heartbeat(id)).toMatchObject({ outcome: 'stamped' });
    expect((await ledger.get(id))?.lastHeartbeat).not.toBeNull();
  });

  test('soon after another is fresh, and writes nothing', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { silentSeconds: 14 });
    const before = await versionOf(id);
    expect(await ledger.heartbeat(id)).toEqual({ delegationId: id, outcome: 'fresh', status: 'in_progress' });
    expect(await ledger.heartbeatMany([id])).toMatchObject([{ outcome: 'fresh' }]);
    expect(await versionOf(id)).toEqual(before);
  });

  test('is due again after heartbeatMinIntervalMs', async () => {
    const id = await seedDelegation(database, { silentSeconds: 15 });
    const patient = testLedger(database.db, { heartbeatMinIntervalMs: 60_000 }).ledger;
    expect(await patient.heartbeat(id)).toMatchObject({ outcome: 'fresh' });
    expect(await testLedger(database.db).ledger.heartbeat(id)).toMatchObject({ outcome: 'stamped' });
  });

  test.each(terminalStatuses)('for a delegation that is %s says so, and writes nothing', async (status) => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status, silentSeconds: 1000 });
    const before = await versionOf(id);
    expect(await ledger.heartbeat(id)).toEqual({ delegationId: id, outcome: 'terminal', status });
    expect(await versionOf(id)).toEqual(before);
  });

  test('for an unknown delegation is missing, and logged', async () => {
    const { ledger, lines } = testLedger(database.db);
    const id = randomUUID();
    expect(await ledger.heartbeat(id)).toEqual({ delegationId: id, outcome: 'missing' });
    expect(lines).toMatchObject([{ event: 'ledger.row_missing', delegationId: id }]);
  });

  test('without a database fails, is logged and does not throw', async () => {
    const { ledger, events } = testLedger(database.db.withSchema('nowhere'));
    expect(await ledger.heartbeat('x')).toMatchObject({ outcome: 'failed', error: { code: '3F000' } });
    expect(await ledger.heartbeatMany(['x', 'y', 'x'])).toMatchObject(Array(3).fill({ outcome: 'failed' }));
    expect(events('ledger.heartbeat_failed')).toMatchObject([
      { delegationId: 'x', count: 1, err: { code: '3F000' } },
      { delegationId: 'x', count: 3, err: { code: '3F000' } },
    ]);
  });

  test("that fails inside the caller's transaction leaves it alive", async () => {
    const id = await seedDelegation(database, { silentSeconds: 100 });
    await database.db.transaction().execute(async (trx) => {
      expect(await testLedger(trx.withSchema('nowhere')).ledger.heartbeat(id)).toMatchObject({ outcome: 'failed' });
      expect(await testLedger(trx).ledger.heartbeat(id)).toMatchObject({ outcome: 'stamped' });
    });
    expect(await secondsBefore(id, 'clock_timestamp()')).toBeLessThan(100);
  });
});

describe('the stamp', () => {
  test('never goes back, not even from the future', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { silentSeconds: -3600 });
    const before = await versionOf(id);
    expect(await ledger.heartbeat(id)).toMatchObject({ outcome: 'fresh' });
    expect(await versionOf(id)).toEqual(before);
  });

  test("is the statement's clock, not the start of the caller's transaction", async () => {
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const trx = await database.db.startTransaction().execute();
    const begun = await sql<{ at: string }>`SELECT now()::text AS at`.execute(trx);
    const [{ at: seen } = { at: '' }] = await database.query<{ at: string }>('SELECT clock_timestamp()::text AS at');
    await testLedger(trx).ledger.heartbeat(id);
    await trx.commit().execute();
    expect(await secondsBefore(id, `'${begun.rows[0]!.at}'::timestamptz`)).toBeLessThan(0);
    expect(await secondsBefore(id, `'${seen}'::timestamptz`)).toBeLessThan(0);
  });

  test('is the moment of the write: later than the end of the lock that it waited for', async () => {
    const ids = [
      await seedDelegation(database, { silentSeconds: 100 }),
      await seedDelegation(database, { silentSeconds: 100 }),
    ];
    const { ledger } = testLedger(database.db);
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('UPDATE delegations SET callee_id = callee_id WHERE delegation_id = ANY($1)', [ids]);
    const one = ledger.heartbeat(ids[0]!);
    const many = ledger.heartbeatMany([...ids].slice(1).concat('nobody'));
    await waitUntilWaiting(database, 2);
    const { rows } = await gate.query<{ at: string }>('SELECT clock_timestamp()::text AS at');
    await gate.query('COMMIT');
    await gate.end();
    expect([await one, ...(await many)]).toMatchObject([
      { outcome: 'stamped' },
      { outcome: 'stamped' },
      { outcome: 'missing' },
    ]);
    for (const id of ids) expect(await secondsBefore(id, `'${rows[0]!.at}'::timestamptz`)).toBeLessThan(0);
  });
});

describe('the threshold that the daemon stores', () => {
  test('comes with every answer', async () => {
    const { ledger } = testLedger(database.db);
    const [stamped, fresh, done] = [
      await seedDelegation(database, { silentSeconds: 100 }),
      await seedDelegation(database),
      await seedDelegation(database, { status: 'stuck' }),
    ];
    await keepThreshold(600_000);
    expect(await ledger.heartbeatMany([stamped, fresh, done])).toMatchObject([
      { outcome: 'stamped', stuckAfterMs: 600_000 },
      { outcome: 'fresh', stuckAfterMs: 600_000 },
      { outcome: 'terminal', stuckAfterMs: 600_000 },
    ]);
    expect(await ledger.heartbeat(fresh)).toMatchObject({ outcome: 'fresh', stuckAfterMs: 600_000 });
    await keepThreshold(null);
  });

  test('limits the debounce to its tenth, and only shortens it', async () => {
    const id = await seedDelegation(database, { silentSeconds: 14 });
    const { ledger } = testLedger(database.db, { heartbeatMinIntervalMs: 3_600_000 });
    await keepThreshold(600_000);
    expect(await ledger.heartbeat(id)).toMatchObject({ outcome: 'fresh' });
    await keepThreshold(140_000);
    expect(await ledger.heartbeat(id)).toMatchObject({ outcome: 'stamped' });
    await keepThreshold(null);
    const eager = await seedDelegation(database, { silentSeconds: 1 });
    await keepThreshold(600_000);
    const { ledger: impatient } = testLedger(database.db, { heartbeatMinIntervalMs: 1000 });
    expect(await impatient.heartbeat(eager)).toMatchObject({ outcome: 'stamped' });
    await keepThreshold(null);
  });
});

describe('heartbeatMany', () => {
  test('gives one answer per id, in the order given, duplicates and unknown ids included', async () => {
    const { ledger, events } = testLedger(database.db);
    const shapes = statuses.map((status) => ({ status, silentSeconds: 100 }));
    const known = await Promise.all(shapes.map((shape) => seedDelegation(database, shape)));
    const fresh = await seedDelegation(database);
    const stranger = randomUUID();
    const ids = [stranger, ...known.toReversed(), fresh, known[0]!, stranger, fresh];
    const results = await ledger.heartbeatMany(ids);
    expect(results.map(({ delegationId }) => delegationId)).toEqual(ids);
    const expected = new Map<string, unknown>([
      [stranger, { outcome: 'missing' }],
      [fresh, { outcome: 'fresh', status: 'in_progress' }],
      ...known.map((id, index): [string, unknown] => {
        const status = statuses[index]!;
        return [id, { outcome: isTerminal(status) ? 'terminal' : 'stamped', status }];
      }),
    ]);
    for (const result of results) expect(result).toMatchObject(expected.get(result.delegationId) as object);
    expect(events('ledger.row_missing').length).toBeGreaterThan(0);
  });

  test('for no ids gives no answers', async () => {
    expect(await testLedger(database.db).ledger.heartbeatMany([])).toEqual([]);
  });

  test('stamps what is due and does not write what is fresh', async () => {
    const { ledger } = testLedger(database.db);
    const [due, fresh] = [await seedDelegation(database, { silentSeconds: 20 }), await seedDelegation(database)];
    const [dueBefore, freshBefore] = [await versionOf(due), await versionOf(fresh)];
    await ledger.heartbeatMany([due, fresh]);
    expect(await versionOf(fresh)).toEqual(freshBefore);
    expect(await versionOf(due)).not.toEqual(dueBefore);
  });
});

test("a ledger uses the tables in the schema of the caller's Kysely", async () => {
  const id = await seedDelegation(database, { silentSeconds: 100 });
  const ledger = new DelegationLedger(database.db.withSchema('public'));
  expect(await ledger.heartbeat(id)).toMatchObject({ outcome: 'stamped' });
});
