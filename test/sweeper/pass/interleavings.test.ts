import { describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { gatedTables, instants, mark } from '../../support/mark.ts';
import { type SpecialShape, seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';

// The naive forms write no activity.
const database = useDatabase({ per: 'test', replayed: false });

const statusOf = async (id: string) => (await testLedger(database.db).ledger.get(id))?.status;

/** What a living agent does to a row that the sweep is about to mark. */
const rivals = {
  heartbeat: (id: string) => testLedger(database.db).ledger.heartbeat(id),
  completion: (id: string) => testLedger(database.db).ledger.setStatus(id, 'completed'),
};
const survives = { heartbeat: 'in_progress', completion: 'completed' };

describe.each(['heartbeat', 'completion'] as const)('a %s that is not committed yet', (kind) => {
  test('keeps its row out of the batch, which does not wait', async () => {
    const contested = await seedDelegation(database, { silentSeconds: 700 });
    const silent = await seedDelegation(database, { silentSeconds: 700 });
    const trx = await database.db.startTransaction().execute();
    const { ledger } = testLedger(trx);
    await (kind === 'heartbeat' ? ledger.heartbeat(contested) : ledger.setStatus(contested, 'completed'));
    const { sweeper } = testSweeper(database.db);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1, remaining: 1, truncated: false });
    expect(await statusOf(silent)).toBe('stuck');
    await trx.commit().execute();
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, remaining: 0 });
    expect(await statusOf(contested)).toBe(survives[kind]);
  });

  test('has no effect when it is rolled back', async () => {
    const contested = await seedDelegation(database, { silentSeconds: 700 });
    const trx = await database.db.startTransaction().execute();
    const { ledger } = testLedger(trx);
    await (kind === 'heartbeat' ? ledger.heartbeat(contested) : ledger.setStatus(contested, 'completed'));
    await trx.rollback().execute();
    expect(await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1 });
  });
});

describe.each(['heartbeat', 'completion'] as const)('a %s that commits between pick and lock', (kind) => {
  test('wins: the batch judges the row again in its new state', async () => {
    const contested = await seedDelegation(database, { silentSeconds: 700 });
    const silent = await seedDelegation(database, { silentSeconds: 700 });
    const { tables, hold } = await gatedTables(database);
    const open = await hold();
    const marking = mark(database.db, 'stale', { ...(await instants(database)), tables });
    await waitUntilWaiting(database, 1);
    await rivals[kind](contested);
    await open();
    expect(await marking).toEqual([silent]);
    expect(await statusOf(contested)).toBe(survives[kind]);
  });
});

describe('of a special row, what commits between pick and lock', () => {
  /** Two rows that match, of which one is contested. */
  const special = (shape: SpecialShape) => async () => ({
    contested: await seedSpecial(database, shape),
    other: await seedSpecial(database, shape),
  });
  const silent = special({ stuckAfterMs: 5_000, silentSeconds: 60 });
  const stalled = special({ stalledAfterMs: 5_000, enteredSeconds: 60 });
  const update = (set: string) => (id: string) =>
    database.query(`UPDATE delegations SET ${set} WHERE delegation_id = $1`, [id]);
  const wait = update(
    `waiting_since = clock_timestamp(), waiting_until = clock_timestamp() + interval '1 hour', waiting_reason = 'a person'`,
  );
  test.each([
    ['a heartbeat', 'staleSpecial', silent, rivals.heartbeat],
    ['a completion', 'staleSpecial', silent, rivals.completion],
    ['a wait that begins', 'staleSpecial', silent, wait],
    ['a longer threshold', 'staleSpecial', silent, update('stuck_after_ms = 3600000')],
    ['a wait that begins', 'stalled', stalled, wait],
    ['a progress text', 'stalled', stalled, update(`progress = 'step 2'`)],
    ['a longer limit', 'stalled', stalled, update('stalled_after_ms = 3600000')],
    [
      'a resume',
      'staleSpecial',
      special({ silentSeconds: 9_000, waitingForSeconds: -700 }),
      update('waiting_since = NULL, waiting_until = NULL, waiting_reason = NULL, last_heartbeat = clock_timestamp()'),
    ],
  ] as const)('wins: %s (%s)', async (_, scan, seed, rival) => {
    const { contested, other } = await seed();
    const { tables, hold } = await gatedTables(database);
    const open = await hold();
    const marking = mark(database.db, scan, { ...(await instants(database)), tables });
    await waitUntilWaiting(database, 1);
    await rival(contested);
    await open();
    expect(await marking).toEqual([other]);
    expect(await statusOf(contested)).not.toBe('stuck');
  });

  test('and a wait that is not committed yet keeps its row out of the batch, which does not wait', async () => {
    const { contested, other } = await silent();
    const trx = await database.db.startTransaction().execute();
    await sql`UPDATE delegations SET stuck_after_ms = 3600000 WHERE delegation_id = ${contested}`.execute(trx);
    const { sweeper } = testSweeper(database.db);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1, remaining: 1 });
    await trx.commit().execute();
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, remaining: 0 });
    expect(await statusOf(other)).toBe('stuck');
  });

  test('is lost by a statement that picks without a lock: the naive form marks a row that waits', async () => {
    const { contested } = await silent();
    const { hold } = await gatedTables(database);
    const open = await hold();
    const marking = database.query(`WITH picked AS MATERIALIZED (SELECT delegation_id FROM delegations
        WHERE status = 'in_progress' AND suspect_at < clock_timestamp() AND waiting_until IS NULL AND gate())
      UPDATE delegations d SET status = 'stuck', revision = revision + 1 FROM picked p
      WHERE d.delegation_id = p.delegation_id AND d.status = 'in_progress' RETURNING d.delegation_id`);
    await waitUntilWaiting(database, 1);
    await wait(contested);
    await open();
    await marking;
    expect(await statusOf(contested)).toBe('stuck');
  });
});

describe('the naive forms, in the same interleaving', () => {
  const picked = `SELECT delegation_id FROM delegations WHERE status = 'in_progress'
    AND last_heartbeat < clock_timestamp() - interval '10 minutes'`;

  test('one statement that picks without a lock loses the heartbeat, also when it repeats the status', async () => {
    const contested = await seedDelegation(database, { silentSeconds: 700 });
    const { hold } = await gatedTables(database);
    const open = await hold();
    const marking = database.query(`WITH picked AS MATERIALIZED (${picked} AND gate())
      UPDATE delegations d SET status = 'stuck' FROM picked p
      WHERE d.delegation_id = p.delegation_id AND d.status = 'in_progress' RETURNING d.delegation_id`);
    await waitUntilWaiting(database, 1);
    expect(await rivals.heartbeat(contested)).toMatchObject({ outcome: 'stamped' });
    await open();
    expect(await marking).toEqual([{ delegation_id: contested }]);
    expect(await statusOf(contested)).toBe('stuck');
  });

  test('SELECT ids, then UPDATE them repeating the status, loses it as well', async () => {
    const contested = await seedDelegation(database, { silentSeconds: 700 });
    const ids = (await database.query<{ delegation_id: string }>(picked)).map((row) => row.delegation_id);
    expect(await rivals.heartbeat(contested)).toMatchObject({ outcome: 'stamped' });
    await database.query(
      `UPDATE delegations SET status = 'stuck' WHERE delegation_id = ANY($1) AND status = 'in_progress'`,
      [ids],
    );
    expect(await statusOf(contested)).toBe('stuck');
  });

  test('without the status repeated it would overwrite a completion, if the database did not refuse', async () => {
    const contested = await seedDelegation(database, { silentSeconds: 700 });
    const ids = (await database.query<{ delegation_id: string }>(picked)).map((row) => row.delegation_id);
    await rivals.completion(contested);
    await expect(
      database.query(`UPDATE delegations SET status = 'stuck' WHERE delegation_id = ANY($1)`, [ids]),
    ).rejects.toThrow('delegation status may not go from completed to stuck');
  });

  test('a lock that waits instead of skipping makes the whole batch wait for one session', async () => {
    const contested = await seedDelegation(database, { silentSeconds: 700 });
    const trx = await database.db.startTransaction().execute();
    await testLedger(trx).ledger.heartbeat(contested);
    const waiting = database.query(`${picked} FOR NO KEY UPDATE`);
    await waitUntilWaiting(database, 1);
    await trx.commit().execute();
    expect(await waiting).toEqual([]);
  });
});

describe('a deadline that is put off', () => {
  test('between pick and lock saves its delegation', async () => {
    const contested = await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 });
    const overdue = await seedDelegation(database, { status: 'dispatched', deadlineSeconds: -5 });
    const { tables, hold } = await gatedTables(database);
    const open = await hold();
    const marking = mark(database.db, 'overdue', { ...(await instants(database)), tables });
    await waitUntilWaiting(database, 1);
    await database.query(`UPDATE delegations SET deadline = now() + interval '1 hour' WHERE delegation_id = $1`, [
      contested,
    ]);
    await open();
    expect(await marking).toEqual([overdue]);
    expect(await statusOf(contested)).toBe('queued');
  });
});

describe('an agent that is heard only after the mark', () => {
  test('is told to stop, and its result is kept', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    const other = await seedDelegation(database, { silentSeconds: 700 });
    const trx = await database.db.startTransaction().execute();
    await mark(trx, 'stale', await instants(database));
    const { ledger } = testLedger(database.db);
    const heartbeat = ledger.heartbeat(id);
    const result = ledger.setStatus(other, 'completed', { resultPreview: 'finished after all' });
    await waitUntilWaiting(database, 2);
    await trx.commit().execute();
    expect(await heartbeat).toMatchObject({ outcome: 'terminal', status: 'stuck' });
    expect(await result).toEqual({ outcome: 'refused', from: 'stuck', to: 'completed' });
    expect((await ledger.history(other)).at(-1)).toMatchObject({
      event: 'delegation.late_result',
      detail: { resultPreview: 'finished after all' },
    });
  });
});

describe('a lock on a row', () => {
  test('that does not conflict with an update has no effect', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    const reader = await database.connect();
    await reader.query('BEGIN');
    await reader.query('SELECT FROM delegations WHERE delegation_id = $1 FOR KEY SHARE', [id]);
    expect(await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1 });
    await reader.query('COMMIT');
  });

  test('does not affect other rows: batches stay full', async () => {
    const ids = [];
    for (let row = 0; row < 6; row += 1) ids.push(await seedDelegation(database, { silentSeconds: 5000 - row * 400 }));
    const holder = await database.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM delegations WHERE delegation_id = ANY($1) FOR UPDATE', [ids.slice(0, 3)]);
    const { sweeper } = testSweeper(database.db, { batchRowsMax: 2 });
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 3, remaining: 3, truncated: false });
    await holder.query('COMMIT');
  });
});
