import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { ConfirmedStatuses, type RepetitionCalls } from '../../src/ledger/confirmed-statuses.ts';
import type { DelegationLedger } from '../../src/ledger/ledger.ts';
import { type StatusRequest, statusRequestOf } from '../../src/ledger/status-change.ts';
import type { Status } from '../../src/ledger/transitions.ts';
import { capturedLog, seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

/** What a daemon does that finds the database's last beat older than the one it remembers. */
const changeEpoch = () => database.query('UPDATE sweeper_threshold SET epoch = gen_random_uuid()::text');
const keepThreshold = (stuckAfterMs: number) =>
  database.query('UPDATE sweeper_threshold SET stuck_after_ms = $1', [stuckAfterMs]);

/** The ledger as it is now, to be restored later. */
async function backup() {
  await database.query('CREATE TABLE kept_rows AS SELECT * FROM delegations');
  await database.query('CREATE TABLE kept_logs AS SELECT * FROM activity_logs');
  const columns = async (table: string) => {
    const rows = await database.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns
       WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position`,
      [table],
    );
    return rows.map(({ name }) => name).join(', ');
  };
  return async function restore(): Promise<void> {
    await database.query('TRUNCATE delegations, activity_logs CASCADE');
    for (const [table, kept] of [
      // As pg_restore does it: rows whose activity is not there yet would get it.
      ['activity_logs', 'kept_logs'],
      ['delegations', 'kept_rows'],
    ] as const) {
      const names = await columns(table);
      await database.query(`INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE SELECT ${names} FROM ${kept}`);
    }
    await changeEpoch();
  };
}

/** Sends two heartbeats, so that the statement for many answers, with the epoch. */
const hear = async (ledger: DelegationLedger) => {
  const others = [await seedDelegation(database), await seedDelegation(database)];
  await ledger.heartbeatMany(others);
};

describe('a database that went back in time', () => {
  test('gets again what it had confirmed: the result is restored, with its payload', async () => {
    const { ledger, events } = testLedger(database.db);
    const id = await seedDelegation(database);
    await hear(ledger);
    const restore = await backup();
    const options = { resultPreview: 'the answer', responseBody: { n: 1 }, actor: 'agent-7' };
    expect(await ledger.setStatus(id, 'completed', options)).toMatchObject({ outcome: 'changed' });
    await restore();
    expect((await ledger.get(id))?.status).toBe('in_progress');
    await hear(ledger);
    await waitFor('the result', async () => (await ledger.get(id))?.status === 'completed');
    expect((await ledger.history(id)).slice(1)).toMatchObject([
      {
        event: 'delegation.completed',
        actor: 'agent-7',
        detail: { resultPreview: 'the answer' },
        responseBody: { n: 1 },
      },
    ]);
    await waitFor('the event', () => events('ledger.changes_repeated').length > 0);
    expect(events('ledger.changes_repeated')).toMatchObject([{ repeated: 1, changed: 1, remaining: 0, err: null }]);
  });

  test('that had also lost the start gets both, in their order', async () => {
    const { ledger } = testLedger(database.db);
    const [id, begun] = [
      await seedDelegation(database, { status: 'queued' }),
      await seedDelegation(database, { status: 'queued' }),
    ];
    await hear(ledger);
    const restore = await backup();
    await ledger.setStatus(begun, 'in_progress');
    await ledger.setStatus(id, 'in_progress');
    await ledger.setStatus(id, 'completed', { resultPreview: 'x' });
    await restore();
    await hear(ledger);
    await waitFor('both', async () => (await ledger.get(id))?.status === 'completed');
    expect((await ledger.history(id)).slice(1)).toMatchObject([
      { event: 'delegation.in_progress' },
      { event: 'delegation.completed' },
    ]);
    expect((await ledger.get(begun))?.status).toBe('in_progress');
  });

  test('that had lost the delegation itself has its result recorded for a reconciler', async () => {
    const { ledger } = testLedger(database.db);
    await hear(ledger);
    const restore = await backup();
    const id = await seedDelegation(database);
    await ledger.setStatus(id, 'completed', { resultPreview: 'x' });
    await restore();
    await hear(ledger);
    await waitFor('the record', async () => (await ledger.history(id)).length > 0);
    expect(await ledger.history(id)).toMatchObject([
      { event: 'delegation.orphan_update', detail: { attempted: 'completed', resultPreview: 'x' } },
    ]);
  });

  test('whose sweeper was faster records the result as a late one', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    await hear(ledger);
    const restore = await backup();
    await ledger.setStatus(id, 'completed', { resultPreview: 'x' });
    await restore();
    await testLedger(database.db).ledger.setStatus(id, 'stuck');
    await hear(ledger);
    await waitFor('the record', async () => (await ledger.history(id)).length === 3);
    expect((await ledger.history(id)).at(-1)).toMatchObject({ event: 'delegation.late_result', fromStatus: 'stuck' });
  });

  test('is noticed by a process that sends no heartbeats', async () => {
    await keepThreshold(1000);
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    await hear(ledger);
    const restore = await backup();
    await ledger.setStatus(id, 'completed');
    await restore();
    await waitFor('the result', async () => (await ledger.get(id))?.status === 'completed');
  });

  test('gets the repetition again until it accepts it', async () => {
    await keepThreshold(1000);
    const { ledger, events } = testLedger(database.db);
    const id = await seedDelegation(database);
    await hear(ledger);
    const restore = await backup();
    await ledger.setStatus(id, 'completed');
    await restore();
    await database.query('ALTER TABLE activity_logs RENAME TO away');
    await waitFor('a failure', () => events('ledger.changes_repeated').length > 0);
    expect(events('ledger.changes_repeated')[0]).toMatchObject({
      repeated: 0,
      changed: 0,
      remaining: 1,
      err: { code: '42P01' },
    });
    await database.query('ALTER TABLE away RENAME TO activity_logs');
    await waitFor('the result', async () => (await ledger.get(id))?.status === 'completed');
  });

  test('that lost nothing is not changed: everything is unchanged, and there is no late result', async () => {
    const { ledger, events } = testLedger(database.db);
    const [done, begun] = [await seedDelegation(database), await seedDelegation(database, { status: 'queued' })];
    await hear(ledger);
    await ledger.setStatus(done, 'failed', { errorDetail: 'why', responseBody: [1] });
    await ledger.setStatus(begun, 'in_progress');
    await changeEpoch();
    await hear(ledger);
    await waitFor('the event', () => events('ledger.changes_repeated').length > 0);
    expect(events('ledger.changes_repeated')).toMatchObject([{ repeated: 2, changed: 0, remaining: 0 }]);
    expect([await ledger.history(done), await ledger.history(begun)].map(({ length }) => length)).toEqual([2, 2]);
    expect(events('ledger.transition_refused')).toEqual([]);
  });

  test('does not get what was written in a transaction of the caller: whether that committed is not known', async () => {
    const id = await seedDelegation(database);
    const trx = await database.db.startTransaction().execute();
    const { ledger, events } = testLedger(trx);
    await ledger.setStatus(id, 'completed');
    await ledger.heartbeatMany([id, 'x']);
    await changeEpoch();
    await ledger.heartbeatMany([id, 'x']);
    await trx.rollback().execute();
    expect(events('ledger.changes_repeated')).toEqual([]);
  });
});

describe('a confirmed status', () => {
  /** A ledger that only lists the requests it gets. */
  function recording(keptMs: number) {
    const repeated: StatusRequest[] = [];
    let failing = false;
    const refused = new Set<string>();
    const calls: RepetitionCalls = {
      setStatus: async (request) => {
        if (failing) throw new Error('away');
        if (refused.has(request.delegationId)) throw Object.assign(new Error('no'), { code: 'P0001' });
        repeated.push(request);
        return { outcome: 'changed', from: 'in_progress', to: request.to };
      },
      statusOf: async () => 'queued',
      epoch: async () => null,
      keptMs: () => keptMs,
    };
    const { log, events } = capturedLog();
    const statuses = new ConfirmedStatuses(calls, log);
    statuses.onEpoch('one');
    return { statuses, repeated, events, refused, fail: (on: boolean) => (failing = on) };
  }
  const request = (to: Status, id: string = randomUUID(), body?: unknown) =>
    statusRequestOf(id, to, { responseBody: body });

  test('is remembered for the newest ten thousand delegations, and 32 MiB', async () => {
    const { statuses, repeated, events } = recording(600_000);
    for (let count = 0; count < 10_005; count += 1) statuses.remember(request('completed', `id-${count}`));
    statuses.onEpoch('two');
    await waitFor('the event', () => events('ledger.changes_repeated').length === 1);
    expect([repeated.length, repeated[0]?.delegationId]).toEqual([10_000, 'id-5']);
    const large = 'x'.repeat(2 ** 20);
    for (let count = 0; count < 40; count += 1) statuses.remember(request('completed', `large-${count}`, large));
    statuses.onEpoch('three');
    await waitFor('the event', () => events('ledger.changes_repeated').length === 2);
    expect(repeated.slice(10_000)).toHaveLength(15);
    expect(repeated.at(-1)?.delegationId).toBe('large-39');
  });

  test('is repeated although a row before it raises, and that row is repeated when it no longer does', async () => {
    const { statuses, repeated, events, refused } = recording(2000);
    for (const id of ['first', 'second', 'third']) statuses.remember(request('completed', id));
    refused.add('first');
    statuses.onEpoch('two');
    await waitFor('the event', () => events('ledger.changes_repeated').length >= 1);
    expect(repeated.map(({ delegationId }) => delegationId)).toEqual(['second', 'third']);
    expect(events('ledger.changes_repeated')[0]).toMatchObject({ repeated: 2, remaining: 1, err: { code: 'P0001' } });
    refused.clear();
    await waitFor('the first', () => repeated.length === 3);
  });

  test('is remembered for one threshold, and only when it is a start or an end', async () => {
    const { statuses, repeated, events } = recording(150);
    statuses.remember(request('completed', 'old'));
    const keptAtMs = performance.now();
    await waitFor('the threshold', () => performance.now() - keptAtMs > 150);
    for (const to of ['queued', 'dispatched', 'in_progress', 'failed'] as const)
      statuses.remember(request(to, `new-${to}`));
    statuses.onEpoch('two');
    await waitFor('the event', () => events('ledger.changes_repeated').length === 1);
    expect(repeated.map(({ delegationId }) => delegationId)).toEqual(['new-in_progress', 'new-failed']);
  });

  test('is repeated as it was, whatever the caller does to its objects', async () => {
    const { statuses, repeated, events } = recording(600_000);
    const body = { n: 1 };
    statuses.remember(request('completed', 'x', body));
    body.n = 2;
    statuses.onEpoch('two');
    await waitFor('the event', () => events('ledger.changes_repeated').length === 1);
    expect(repeated[0]?.responseBody).toBe('{"n":1}');
  });
});
