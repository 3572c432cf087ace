import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { statuses } from '../../src/ledger/transitions.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { Looks } from '../../src/sweeper/on-time/looks.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { customPlan, genericPlan, nodesOf, type PlanNode } from '../support/explain.ts';
import { capturedLog, seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { type RecordedStatement, Recorder } from '../support/recorded.ts';

const ROWS = 50_000;
const IN_PROGRESS = 500;

let database: TestDatabase;
let session: pg.Client;
let statements: RecordedStatement[];

beforeAll(async () => {
  database = await createTestDatabase();
  session = await database.connect();
  statements = await record();
  await database.query(`ALTER TABLE delegations SET (autovacuum_enabled = off)`);
  await database.query(`ALTER TABLE activity_logs SET (autovacuum_enabled = off)`);
});
afterAll(async () => {
  await session.end();
  await database[Symbol.asyncDispose]();
});

/** Every statement of the ledger and the sweep, as they send it. */
async function record(): Promise<RecordedStatement[]> {
  await using recorder = new Recorder(database.url);
  await recordLedger(recorder);
  await recordSweeps(recorder);
  return recorder.statements.filter(({ sql }) =>
    /\b(delegations|delegation_heartbeat|activity_logs|sweeper_\w+)\b/.test(sql),
  );
}

async function recordLedger(recorder: Recorder): Promise<void> {
  const { ledger } = testLedger(recorder.db);
  const delegationId = randomUUID();
  const delegation = {
    delegationId,
    callerId: 'caller',
    calleeId: 'callee',
    taskPreview: 'task',
    idempotencyKey: 'key',
  };
  await recorder.during('insert', () => ledger.insert(delegation));
  await recorder.during('holder', () => ledger.insert(delegation));
  for (const status of statuses)
    await recorder.during(`setStatus ${status}`, () => ledger.setStatus(delegationId, status));
  await recorder.during('heartbeat', () => ledger.heartbeat(delegationId));
  const ids = Array.from({ length: 1000 }, (_, index) => `row-${index}`);
  await recorder.during('heartbeatMany', () => ledger.heartbeatMany(ids));
  await recorder.during('get', () => ledger.get(delegationId));
  await recorder.during('history', () => ledger.history(delegationId));
}

async function recordSweeps(recorder: Recorder): Promise<void> {
  for (let row = 0; row < 5; row += 1) {
    await seedDelegation(database, { silentSeconds: 700, calleeId: `callee-${row % 2}` });
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 });
  }
  await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'poisoned'; END $$`);
  await database.query('CREATE TRIGGER refuse BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION refuse()');
  const wary = { storm: { minStale: 1, ratio: 0.5, maxHoldMs: 60_000 } };
  const storm = testSweeper(recorder.db, wary).sweeper;
  await recorder.during('sweep', () => storm.sweep({ trigger: 'manual' }));
  await recorder.during('sweep, held before', () => storm.sweep({ trigger: 'manual' }));
  const { sweeper } = testSweeper(recorder.db);
  await recorder.during('sweep, poisoned', () => sweeper.sweep({ trigger: 'manual' }));
  await recorder.during('dry run', () => sweeper.dryRun());
  await database.query('DROP TRIGGER refuse ON delegations');
  await recorder.during('sweep, cured', () => sweeper.sweep({ trigger: 'manual' }));
  const looks = new Looks(recorder.db, { stuckAfterMs: 600_000 });
  await recorder.during('look', () => looks.look());
  const beat = new Beat(recorder.db, capturedLog().log, 600_000);
  await recorder.during('beat', () => beat.leave());
  await database.query(`UPDATE sweeper_state SET beat_at = now() - interval '1 hour'`);
  await recorder.during('beat after a gap', () => beat.leave());
}

/** Finished delegations with their history, and a few in progress. */
async function load(what: { finished: number; inProgress: number }): Promise<void> {
  await database.query(
    `WITH rows AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, finished_at, deadline, idempotency_key)
       SELECT gen_random_uuid(), 'caller-' || n % 50, 'callee-' || n % 100, repeat('task ', 20),
         CASE WHEN n > $1::int THEN 'in_progress' ELSE (ARRAY['completed', 'completed', 'failed', 'stuck'])[1 + n % 4] END,
         now() - n % 1000 * interval '1 second', CASE WHEN n <= $1::int THEN now() END, now() + n % 3600 * interval '1 second',
         CASE WHEN n % 2 = 0 THEN gen_random_uuid()::text END
       FROM generate_series(1, $1::int + $2::int) n RETURNING delegation_id, status)
     INSERT INTO activity_logs (delegation_id, event, to_status, actor)
     SELECT delegation_id, 'delegation.' || s, s, 'test' FROM rows, LATERAL (VALUES ('queued'), (status)) steps (s)`,
    [what.finished, what.inProgress],
  );
}

const LARGE = ['delegations', 'activity_logs'];

/** The condition that an index scan must have, so that it does not read the whole index. */
const leadingColumns: Record<string, string> = {
  delegations_pkey: 'delegation_id',
  delegations_idempotency_key: 'caller_id',
  delegations_heartbeat_bucket: 'heartbeat_bucket',
  delegations_heartbeat_plain: 'heartbeat_bucket',
  delegations_deadline: 'deadline',
  activity_logs_delegation: 'delegation_id',
};

/** What is wrong with a plan: each way of reading more of a large table than the rows wanted. */
function faultsOf(plan: PlanNode, { sql }: RecordedStatement): string[] {
  // Counts the fleet by its age, up to a limit.
  const countsFleet = sql.includes('"rowsByAge"');
  return nodesOf(plan).flatMap((node) => {
    const { 'Relation Name': table = '', 'Index Name': index, 'Index Cond': condition = '' } = node;
    if (LARGE.includes(table) && node['Node Type'].startsWith('Seq')) return [`sequential scan on ${table}`];
    const column = index === undefined ? undefined : leadingColumns[index];
    if (column === undefined || countsFleet || new RegExp(`\\b${column}\\b`).test(condition)) return [];
    return [`all of ${index}, for ${condition || 'nothing'}`];
  });
}

async function faults(): Promise<string[]> {
  const found: string[] = [];
  for (const statement of statements) {
    for (const [kind, planned] of [
      ['custom', customPlan],
      ['generic', genericPlan],
    ] as const) {
      // The setting of its transaction (boundedRead).
      await session.query(`SET enable_seqscan = ${statement.sql.includes('"rowsByAge"') ? 'off' : 'on'}`);
      const plan = await planned(session, statement);
      for (const fault of faultsOf(plan, statement))
        found.push(`${statement.label}, ${kind} plan: ${fault} ${statement.sql.trim().slice(0, 90)}`);
    }
  }
  return found;
}

describe('every statement finds its rows by an index', () => {
  test('all of them are checked', () => {
    const labels = new Set(statements.map(({ label }) => label));
    for (const status of statuses) expect(labels).toContain(`setStatus ${status}`);
    expect([...labels]).toEqual(
      expect.arrayContaining([
        'insert',
        'holder',
        'heartbeat',
        'heartbeatMany',
        'get',
        'history',
        'sweep',
        'sweep, held before',
        'dry run',
        'look',
        'beat',
      ]),
    );
    const marks = statements.filter(({ sql }) => sql.includes('SKIP LOCKED'));
    // The storm guard's probe, its count by age, the callees of those rows, and how many were heard again.
    const guard = ['AS "any"', '"rowsByAge"', '"callees"', '"stillSilent"'];
    for (const part of guard) expect(statements.filter(({ sql }) => sql.includes(part)).length).toBeGreaterThan(0);
    // Each rule's batch, and its named rows.
    expect(marks.length).toBeGreaterThanOrEqual(4);
  });

  test('when the statistics are from an empty table', async () => {
    await database.query('TRUNCATE delegations, activity_logs');
    await database.query('ANALYZE delegations, activity_logs');
    await load({ finished: ROWS - IN_PROGRESS, inProgress: IN_PROGRESS });
    expect(await faults()).toEqual([]);
  });

  test('when the statistics are from a time with nothing in progress', async () => {
    await database.query(`DELETE FROM delegations WHERE status = 'in_progress'`);
    await database.query('VACUUM ANALYZE delegations, activity_logs');
    await load({ finished: 0, inProgress: IN_PROGRESS });
    expect(await faults()).toEqual([]);
  });

  test('when the statistics are from a time with everything in progress and silent', async () => {
    await database.query('TRUNCATE delegations, activity_logs');
    await load({ finished: 0, inProgress: 5000 });
    await database.query('ANALYZE delegations, activity_logs');
    await database.query(`UPDATE delegations SET status = 'stuck' WHERE delegation_id IN (
      SELECT delegation_id FROM delegations ORDER BY delegation_id OFFSET ${IN_PROGRESS})`);
    await load({ finished: ROWS - 5000, inProgress: 0 });
    expect(await faults()).toEqual([]);
  });

  test('when the statistics are fresh', async () => {
    await database.query('ANALYZE delegations, activity_logs');
    expect(await faults()).toEqual([]);
  });
});
