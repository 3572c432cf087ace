import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LedgerDb } from '../../src/db/schema.ts';
import { migrateUp } from '../../src/ledger/migrate-up.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { capturedLog, testSweeper } from '../support/fixtures.ts';
import { waitFor, waitUntilWaiting } from '../support/wait-for.ts';
import { restoreOldLedger } from './old-ledger.ts';
import { oldAgent, oldDaemon } from './old-programs.ts';

// The agents and the daemon of 0.1.0 on an upgraded ledger: during a rollout they work together with those of this version.
let database: TestDatabase;
let db: LedgerDb;
beforeEach(async () => {
  database = await createTestDatabase();
  await restoreOldLedger(database, { empty: true });
  await migrateUp(database.db, 'old');
  db = database.db.withSchema('old');
});
afterEach(async () => {
  await database[Symbol.asyncDispose]();
});

type OldLedger = ReturnType<typeof oldAgent>['ledger'];

async function begin(ledger: OldLedger, ...ids: string[]): Promise<void> {
  for (const delegationId of ids) {
    const delegation = { delegationId, callerId: 'caller', calleeId: `callee of ${delegationId}`, taskPreview: 'task' };
    expect(await ledger.insert({ ...delegation, deadlineMs: 3_600_000 })).toMatchObject({ outcome: 'inserted' });
    expect(await ledger.setStatus(delegationId, 'in_progress')).toMatchObject({ outcome: 'changed', from: 'queued' });
  }
}

const silent = (id: string, interval: string) =>
  database.query('UPDATE old.delegations SET last_heartbeat = last_heartbeat - $2::interval WHERE delegation_id = $1', [
    id,
    interval,
  ]);

async function statuses(): Promise<Record<string, string>> {
  const rows = await database.query<{ id: string; status: string }>(
    'SELECT delegation_id AS id, status FROM old.delegations ORDER BY 1',
  );
  return Object.fromEntries(rows.map(({ id, status }) => [id, status]));
}

const eventsOf = async (ledger: OldLedger, id: string) => (await ledger.history(id)).map(({ event }) => event);

const heardWithin = async (interval: string) => {
  const rows = await database.query<{ id: string }>(
    'SELECT delegation_id AS id FROM old.delegations WHERE last_heartbeat > clock_timestamp() - $1::interval ORDER BY 1',
    [interval],
  );
  return rows.map(({ id }) => id);
};

describe('an agent of 0.1.0', () => {
  test("records a delegation's life, each transition with one activity", async () => {
    const { ledger } = oldAgent(db);
    const delegation = { delegationId: 'a', callerId: 'caller', calleeId: 'callee', taskPreview: 'task' };
    const withKey = { ...delegation, idempotencyKey: 'key', requestBody: { prompt: 'x' } };
    expect(await ledger.insert(withKey)).toMatchObject({ outcome: 'inserted', status: 'queued' });
    expect(await ledger.insert(withKey)).toMatchObject({ outcome: 'duplicate', delegationId: 'a' });
    expect(await ledger.insert({ ...withKey, delegationId: 'b' })).toMatchObject({
      outcome: 'duplicate',
      delegationId: 'a',
    });
    expect(await ledger.setStatus('a', 'dispatched')).toEqual({ outcome: 'changed', from: 'queued', to: 'dispatched' });
    expect(await ledger.setStatus('a', 'in_progress')).toMatchObject({ outcome: 'changed', from: 'dispatched' });
    expect(await ledger.setStatus('a', 'dispatched')).toMatchObject({ outcome: 'refused', from: 'in_progress' });
    expect(await ledger.setStatus('a', 'completed', { resultPreview: 'r', responseBody: [1] })).toMatchObject({
      outcome: 'changed',
    });
    expect(await ledger.setStatus('a', 'completed')).toMatchObject({ outcome: 'unchanged' });
    expect(await ledger.get('a')).toMatchObject({ status: 'completed', resultPreview: 'r', idempotencyKey: 'key' });
    expect(await ledger.history('a')).toMatchObject([
      { event: 'delegation.queued', requestBody: { prompt: 'x' } },
      { event: 'delegation.dispatched' },
      { event: 'delegation.in_progress' },
      { event: 'delegation.completed', responseBody: [1] },
    ]);
  });

  test.each(['failed', 'stuck'] as const)(
    'ends a delegation as %s, and its late result is recorded once',
    async (end) => {
      const { ledger, events } = oldAgent(db);
      await begin(ledger, 'a');
      expect(await ledger.setStatus('a', end, { errorDetail: 'why' })).toMatchObject({ outcome: 'changed' });
      const late = { resultPreview: 'late', responseBody: { text: 'late' } };
      for (let times = 0; times < 2; times += 1)
        expect(await ledger.setStatus('a', 'completed', late)).toEqual({
          outcome: 'refused',
          from: end,
          to: 'completed',
        });
      expect(events('ledger.late_result')).toHaveLength(2);
      expect(await eventsOf(ledger, 'a')).toEqual([
        'delegation.queued',
        'delegation.in_progress',
        `delegation.${end}`,
        'delegation.late_result',
      ]);
    },
  );

  test('has the result of an unknown delegation recorded', async () => {
    const { ledger } = oldAgent(db);
    const result = { resultPreview: 'lost', responseBody: { text: 'lost' } };
    expect(await ledger.setStatus('nobody', 'completed', result)).toMatchObject({ outcome: 'missing' });
    expect(await ledger.history('nobody')).toMatchObject([
      { event: 'delegation.orphan_update', detail: { attempted: 'completed', resultPreview: 'lost' } },
    ]);
  });

  test('sends heartbeats singly, together and by keepAlive; its call reaches the function that it knows', async () => {
    const { ledger, events } = oldAgent(db);
    await begin(ledger, 'a', 'b', 'c', 'd');
    for (const id of ['a', 'b', 'c', 'd']) await silent(id, '5 minutes');
    expect(await ledger.heartbeat('a')).toMatchObject({ outcome: 'stamped', status: 'in_progress' });
    expect(await ledger.heartbeat('unknown')).toMatchObject({ outcome: 'missing' });
    expect(await ledger.heartbeatMany(['b', 'unknown', 'c'])).toMatchObject([
      { outcome: 'stamped' },
      { outcome: 'missing' },
      { outcome: 'stamped' },
    ]);
    expect(await heardWithin('1 minute')).toEqual(['a', 'b', 'c']);
    const debounced = oldAgent(db, 15_000).ledger;
    expect(await debounced.heartbeat('a')).toMatchObject({ outcome: 'fresh' });
    {
      await using _ = ledger.keepAlive('d', { everyMs: 20 });
      await waitFor('a stamp', async () => (await heardWithin('1 minute')).includes('d'));
    }
    await ledger.setStatus('a', 'failed');
    expect(await ledger.heartbeat('a')).toMatchObject({ outcome: 'terminal', status: 'failed' });
    expect(events('ledger.heartbeat_failed')).toEqual([]);
  });

  test('paces itself by the threshold that a daemon of this version judges by', async () => {
    const { ledger } = oldAgent(db);
    await begin(ledger, 'a');
    const { log } = capturedLog();
    await new Beat(db, log, 120_000).leave();
    expect(await ledger.heartbeat('a')).toMatchObject({ stuckAfterMs: 120_000 });
    expect(await ledger.heartbeatMany(['a', 'a'])).toMatchObject([
      { stuckAfterMs: 120_000 },
      { stuckAfterMs: 120_000 },
    ]);
  });
});

describe('an agent of 0.1.0, on what it does not know,', () => {
  test('ends a wait with its change of status, and the deadline is given back', async () => {
    const { ledger } = oldAgent(db);
    await begin(ledger, 'a');
    await database.query(`SELECT old.delegation_wait('a', until_ms => 3600000, reason => 'a person')`);
    expect(await ledger.heartbeat('a')).toMatchObject({ outcome: 'stamped', status: 'in_progress' });
    const [waiting] = await database.query('SELECT waiting_reason AS reason FROM old.delegations');
    expect(waiting).toEqual({ reason: 'a person' });
    expect(await ledger.setStatus('a', 'completed', { resultPreview: 'r' })).toMatchObject({ outcome: 'changed' });
    const [row] = await database.query(`SELECT waiting_since, waiting_until, waiting_reason,
      abs(extract(epoch FROM deadline - created_at) - 3600) < 30 AS given_back FROM old.delegations`);
    expect(row).toEqual({ waiting_since: null, waiting_until: null, waiting_reason: null, given_back: true });
    expect((await eventsOf(ledger, 'a')).at(-1)).toBe('delegation.completed');
  });

  test('is heard by a heartbeat for a threshold of its own, one by one and together', async () => {
    const { ledger } = oldAgent(db);
    await begin(ledger, 'a', 'b');
    for (const id of ['a', 'b']) {
      await database.query('SELECT old.delegation_adjust($1, stuck_after_ms => 5000)', [id]);
      await silent(id, '1 minute');
    }
    expect(await ledger.heartbeat('a')).toMatchObject({ outcome: 'stamped', stuckAfterMs: 5_000 });
    expect(await ledger.heartbeatMany(['b', 'a'])).toMatchObject([{ outcome: 'stamped' }, {}]);
    expect(await testSweeper(db).sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0 });
  });
});

describe('a daemon of 0.1.0', () => {
  test('leaves beats, finds its gap, marks by both rules, and hands its ledger over to a daemon of this version', async () => {
    const { ledger } = oldAgent(db);
    await begin(ledger, 'silent', 'living');
    const overdue = { delegationId: 'overdue', callerId: 'caller', calleeId: 'callee', taskPreview: 'task' };
    await ledger.insert({ ...overdue, deadlineMs: 1 });
    await silent('silent', '20 minutes');
    const old = oldDaemon(db);
    await old.beat.leave();
    await database.query(`UPDATE old.sweeper_state SET beat_at = beat_at - interval '1 minute'`);
    await old.beat.leave();
    expect(old.events('sweep.unobserved')).toHaveLength(1);
    expect(await database.query(`SELECT kind FROM old.sweeper_gaps WHERE gap_end > now() - interval '1 hour'`)).toEqual(
      [{ kind: 'unwatched' }],
    );
    expect(await old.sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 1, failed: 1, held: false });
    expect(await statuses()).toEqual({ silent: 'stuck', living: 'in_progress', overdue: 'failed' });
    expect(await eventsOf(ledger, 'silent')).toEqual([
      'delegation.queued',
      'delegation.in_progress',
      'delegation.stuck',
    ]);
    expect(await testSweeper(db).sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0, failed: 0 });
  });

  test('leaves its hold of a storm to a daemon of this version, which releases it', async () => {
    const { ledger } = oldAgent(db);
    await begin(ledger, 'x', 'y');
    for (const id of ['x', 'y']) await silent(id, '20 minutes');
    const old = oldDaemon(db, { storm: { minStale: 2, ratio: 0.5, maxHoldMs: 1_800_000 } });
    await old.beat.leave();
    expect(await old.sweeper.sweep({ trigger: 'cron' })).toMatchObject({ held: true, stuck: 0 });
    for (const id of ['x', 'y']) await ledger.heartbeat(id);
    const today = testSweeper(db, { storm: { minStale: 2, ratio: 0.5, maxHoldMs: 1_800_000 } });
    expect(await today.sweeper.sweep({ trigger: 'cron' })).toMatchObject({ held: false });
    expect(today.events('sweep.released')).toMatchObject([{ why: 'calm' }]);
  });

  test('marks nothing once another sweep has the lease', async () => {
    const { ledger } = oldAgent(db);
    await begin(ledger, 'silent');
    await silent('silent', '20 minutes');
    const old = oldDaemon(db);
    const session = await database.connect();
    // It reads this table after it has taken the lease, and before it marks.
    await session.query('BEGIN; LOCK TABLE old.sweeper_notices IN ACCESS EXCLUSIVE MODE');
    const sweep = old.sweeper.sweep({ trigger: 'cron' });
    await waitUntilWaiting(database, 1);
    await database.query(`UPDATE old.sweeper_state SET sweep_id = 'another'`);
    await session.query('COMMIT');
    expect(await sweep).toMatchObject({ stuck: 0, truncated: true });
    expect(old.events('sweep.superseded')).toMatchObject([{ bySweepId: 'another' }]);
    expect(await statuses()).toEqual({ silent: 'in_progress' });
    await session.end();
  });

  test('finds a row whose heartbeat a host with a wrong clock had stamped in the future', async () => {
    await begin(oldAgent(db).ledger, 'a');
    await database.query(`UPDATE old.delegations SET last_heartbeat = clock_timestamp() + interval '1 year'`);
    await silent('a', '20 minutes');
    expect(await oldDaemon(db).sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 1 });
  });

  test('is refused a mark of a row that waits, or whose own threshold has not passed, and marks the others', async () => {
    const { ledger } = oldAgent(db);
    await begin(ledger, 'waiting', 'patient', 'lowered', 'impatient', 'plain');
    await database.query(`SELECT old.delegation_wait('waiting', until_ms => 3600000, reason => 'a person')`);
    await database.query(`SELECT old.delegation_adjust('patient', stuck_after_ms => 7200000)`);
    await database.query(`SELECT old.delegation_adjust('lowered', stuck_after_ms => 7200000)`);
    await database.query(`SELECT old.delegation_adjust('lowered', stuck_after_ms => 1000)`);
    await database.query(`SELECT old.delegation_adjust('impatient', stuck_after_ms => 5000)`);
    await database.query(`UPDATE old.delegations SET last_heartbeat = last_heartbeat - interval '20 minutes'`);
    const old = oldDaemon(db);
    expect(await old.sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 2, poisoned: 3 });
    expect(await statuses()).toEqual({
      waiting: 'in_progress',
      patient: 'in_progress',
      lowered: 'in_progress',
      impatient: 'stuck',
      plain: 'stuck',
    });
    expect(old.events('sweep.poisoned').map(({ err }) => (err as { code: string }).code)).toEqual(
      Array(3).fill('23514'),
    );
    // The next one goes on, and its overdue rule fails a row whatever its threshold.
    await database.query(
      `UPDATE old.delegations SET deadline = now() - interval '1 minute' WHERE delegation_id = 'patient'`,
    );
    expect(await old.sweeper.sweep({ trigger: 'cron' })).toMatchObject({ failed: 1, stuck: 0 });
  });
});
