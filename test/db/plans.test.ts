import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { Explainer } from '../../src/sweeper/explanation/explainer.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { Looks } from '../../src/sweeper/on-time/looks.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { customPlan, genericPlan, nodesOf, type PlanNode } from '../support/explain.ts';
import { capturedLog, seedDelegation, sweeperDefaults, testLedger, testSweeper } from '../support/fixtures.ts';
import { type RecordedStatement, Recorder } from '../support/recorded.ts';
import { mapTask, ScriptedProbe } from '../support/scripted-probe.ts';
import { seedSpecial } from '../support/seed-special.ts';
import { testServer } from '../support/server.ts';

const ROWS = 50_000;
const IN_PROGRESS = 500;

let database: TestDatabase;
let session: pg.Client;
let statements: RecordedStatement[];

beforeAll(async () => {
  database = await createTestDatabase(testServer(), { fresh: true });
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
  return recorder.statements.filter(({ sql }) => /\b(delegations|activity_logs|sweeper_\w+)\b/.test(sql));
}

/** What it reads; it writes by functions, whose plans test/ledger/functions/plans.test.ts looks at. */
async function recordLedger(recorder: Recorder): Promise<void> {
  const { ledger } = testLedger(recorder.db);
  const delegationId = randomUUID();
  await recorder.during('get', () => ledger.get(delegationId));
  await recorder.during('history', () => ledger.history(delegationId));
}

async function recordSweeps(recorder: Recorder): Promise<void> {
  for (let row = 0; row < 5; row += 1) {
    await seedDelegation(database, { silentSeconds: 700, calleeId: `callee-${row % 2}` });
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 });
    await seedSpecial(database, { stuckAfterMs: 5_000, silentSeconds: 60, calleeId: `callee-${row % 2}` });
    await seedSpecial(database, { stalledAfterMs: 5_000, enteredSeconds: 60 });
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
  await recordExplanations(recorder);
  await database.query('DROP TRIGGER refuse ON delegations');
  await recorder.during('sweep, cured', () => sweeper.sweep({ trigger: 'manual' }));
  const looks = new Looks(recorder.db, { stuckAfterMs: 600_000 });
  await recorder.during('look', () => looks.look(true));
  const beat = new Beat(recorder.db, capturedLog().log, 600_000);
  await recorder.during('beat', () => beat.leave());
  await database.query(`UPDATE sweeper_state SET beat_at = now() - interval '1 hour'`);
  await recorder.during('beat after a gap', () => beat.leave());
}

/** Of each kind of delegation: by every rule, an A2A task, one that has ended, and ids that are unknown. */
async function recordExplanations(recorder: Recorder): Promise<void> {
  const probe = new ScriptedProbe(() => ({ outcome: 'no_answer', reason: 'timeout' })).options();
  const wary = { ...sweeperDefaults, storm: { minStale: 1, ratio: 0.5, maxHoldMs: 60_000, minCallees: 1 } };
  const cron = { expression: '* * * * *', timezone: 'UTC' };
  const explainers = [sweeperDefaults, wary, { ...sweeperDefaults, probe }].map(
    (sweeper) => new Explainer(recorder.db, { sweeper, cron, onTime: true }),
  );
  const ids = [
    await seedDelegation(database, { silentSeconds: 700 }),
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 }),
    await seedDelegation(database, { status: 'completed' }),
    await seedSpecial(database, { stuckAfterMs: 5_000, silentSeconds: 60 }),
    await seedSpecial(database, { stalledAfterMs: 5_000, enteredSeconds: 60 }),
  ];
  const task = await seedDelegation(database, { silentSeconds: 800 });
  await mapTask(database, task);
  await database.query(
    `INSERT INTO activity_logs (delegation_id, event, actor, detail)
     SELECT $1, 'delegation.adjusted', 'test', jsonb_build_object('n', n) FROM generate_series(1, 100) n`,
    [task],
  );
  for (const explainer of explainers) {
    for (const id of [...ids, task]) await recorder.during('explain', () => explainer.explain(id));
    await recorder.during('explain, unknown', () => explainer.unknown('no-such-delegation'));
  }
}

/** Finished delegations with their history, and a few in progress: a tenth with own thresholds, a tenth waiting. */
async function load(what: { finished: number; inProgress: number }): Promise<void> {
  await database.query(
    `WITH rows AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, finished_at, deadline, idempotency_key,
         stuck_after_ms, waiting_since, waiting_until, waiting_reason, revision)
       SELECT gen_random_uuid(), 'caller-' || n % 50, 'callee-' || n % 100, repeat('task ', 20),
         CASE WHEN n > $1::int THEN 'in_progress' ELSE (ARRAY['completed', 'completed', 'failed', 'stuck'])[1 + n % 4] END,
         now() - n % 1000 * interval '1 second', CASE WHEN n <= $1::int THEN now() END, now() + n % 3600 * interval '1 second',
         CASE WHEN n % 2 = 0 THEN gen_random_uuid()::text END, CASE WHEN own THEN 30000 END,
         CASE WHEN waits THEN now() END, CASE WHEN waits THEN now() + interval '1 hour' END, CASE WHEN waits THEN 'a person' END, 1
       FROM generate_series(1, $1::int + $2::int) n,
         LATERAL (VALUES (n > $1::int AND n % 10 = 3, n > $1::int AND n % 10 = 7)) special (own, waits) RETURNING delegation_id, status)
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
  delegations_heartbeat_plain: 'heartbeat_bucket',
  delegations_suspect: 'suspect_at',
  delegations_deadline: 'deadline',
  activity_logs_delegation: 'delegation_id',
};

/** What is wrong with a plan: each way of reading more of a large table than the rows wanted. */
function faultsOf(plan: PlanNode, { sql }: RecordedStatement): string[] {
  // Counts the fleet by its age, up to a limit; so do three others with the special rows, when some are silent or stalled.
  const countsFleet = sql.includes('"rowsByAge"');
  const countsSpecial = ['AS "top"', 'AS "isAll"', ') late'].some((part) => sql.includes(part));
  return nodesOf(plan).flatMap((node) => {
    const { 'Relation Name': table = '', 'Index Name': index, 'Index Cond': condition = '' } = node;
    if (LARGE.includes(table) && node['Node Type'].startsWith('Seq')) return [`sequential scan on ${table}`];
    const column = index === undefined ? undefined : leadingColumns[index];
    if (countsSpecial && index === 'delegations_suspect') return [];
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
      const isBounded = /"rowsByAge"|"isAll"/.test(statement.sql) || statement.label.startsWith('explain');
      await session.query(`SET enable_seqscan = ${isBounded ? 'off' : 'on'}`);
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
    expect([...labels]).toEqual(
      expect.arrayContaining([
        ...['get', 'history', 'sweep', 'sweep, held before', 'dry run', 'look', 'beat', 'explain', 'explain, unknown'],
      ]),
    );
    const marks = statements.filter(({ sql }) => sql.includes('SKIP LOCKED'));
    // The storm guard's probe, its count by age, the callees of those rows, and how many were heard again.
    const guard = ['AS "any"', '"rowsByAge"', '"callees"', '"stillSilent"'];
    for (const part of guard) expect(statements.filter(({ sql }) => sql.includes(part)).length).toBeGreaterThan(0);
    // Each scan's batch, and its named rows.
    expect(marks.length).toBeGreaterThanOrEqual(8);
    // Every index that the list above knows.
    for (const key of ['d.deadline', 'd.heartbeat_bucket', 'd.suspect_at'])
      expect(marks.filter(({ sql }) => sql.includes(`ORDER BY ${key}`)).length).toBeGreaterThanOrEqual(2);
  });

  test('when the statistics are from an empty table', async () => {
    await database.query('TRUNCATE delegations, activity_logs CASCADE');
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
    await database.query('TRUNCATE delegations, activity_logs CASCADE');
    await load({ finished: 0, inProgress: 5000 });
    await database.query('ANALYZE delegations, activity_logs');
    await database.query(`UPDATE delegations SET status = 'stuck', revision = revision + 1 WHERE delegation_id IN (
      SELECT delegation_id FROM delegations ORDER BY delegation_id OFFSET ${IN_PROGRESS})`);
    await load({ finished: ROWS - 5000, inProgress: 0 });
    expect(await faults()).toEqual([]);
  });

  test('when the statistics are fresh', async () => {
    await database.query('ANALYZE delegations, activity_logs');
    expect(await faults()).toEqual([]);
  });
});
