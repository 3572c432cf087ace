import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import {
  calleeCandidatesStatement,
  namedCandidatesStatement,
  sweepCandidatesStatement,
} from '../../../src/sweeper/retries/statements/candidates.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { customPlan, genericPlan, nodesOf } from '../../support/explain.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ fresh: true, replayed: false });

const ROWS = 20_000;

let session: pg.Client;
beforeAll(async () => {
  session = await database.connect();
  await session.query('SET enable_seqscan = off; SET enable_bitmapscan = off');
  await database.query('ALTER TABLE delegations SET (autovacuum_enabled = off)');
  await database.query('ALTER TABLE activity_logs SET (autovacuum_enabled = off)');
});
afterAll(() => session.end());

/** Half of all are stuck, by forty sweeps and of forty callees; a tenth of those was tried again. */
async function load(): Promise<void> {
  await database.query(`
    WITH rows AS (
      INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, finished_at, revision)
      SELECT 'd-' || n, 'caller', 'callee-' || n % 40, 'task', CASE WHEN n % 2 = 0 THEN 'completed' ELSE 'stuck' END,
        now() - n * interval '1 second', 1
      FROM generate_series(1, ${ROWS}) n RETURNING delegation_id, status)
    INSERT INTO activity_logs (delegation_id, event, to_status, actor, detail)
    SELECT delegation_id, 'delegation.' || status, status, 'sweeper',
      jsonb_build_object('sweepId', 's-' || substr(delegation_id, 3)::int / 500) FROM rows`);
  await database.query(`
    INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, retry_of, attempt, revision)
    SELECT delegation_id || '+', caller_id, callee_id, task_preview, delegation_id, 2, 1 FROM delegations
    WHERE status = 'stuck' AND right(delegation_id, 1) = '1'`);
}

const tables = () => sweeperTables(database.db);
const statements = {
  'what a sweep marked': () => sweepCandidatesStatement(tables()).bind({ sweepId: 's-7', afterId: 0, rowsMax: 500 }),
  'what a callee left undone': () =>
    calleeCandidatesStatement(tables()).bind({
      calleeId: 'callee-7',
      afterUs: (Date.now() - 3_600_000) * 1000,
      afterId: '',
      untilUs: Date.now() * 1000,
      rowsMax: 500,
    }),
  'what is named': () => namedCandidatesStatement(tables()).bind({ ids: ['d-1', 'd-2'] }),
};

/** The index that finds them, and the condition by which it does. */
const found = {
  'what a sweep marked': ['activity_logs_sweep', 'sweepId'],
  'what a callee left undone': ['delegations_given_up', 'callee_id'],
  'what is named': ['delegations_pkey', 'delegation_id'],
} as const;

const names = Object.keys(statements) as (keyof typeof statements)[];

async function faults(): Promise<string[]> {
  const problems: string[] = [];
  for (const name of names) {
    for (const [kind, plan] of [
      ['custom', await customPlan(session, statements[name]())],
      ['generic', await genericPlan(session, statements[name]())],
    ] as const) {
      const nodes = nodesOf(plan);
      const [index, column] = found[name];
      const uses = nodes.some((node) => node['Index Name'] === index && node['Index Cond']?.includes(column));
      if (!uses) problems.push(`${name}, ${kind}: not by ${index}`);
      // A sort would read all that is selected for each page.
      if (nodes.some((node) => node['Node Type'] === 'Sort') && name !== 'what is named') {
        const sorted = nodes.find((node) => node['Node Type'] === 'Sort')!;
        if (nodesOf(sorted).some((node) => node['Node Type'] === 'Limit') === false)
          problems.push(`${name}, ${kind}: sorts before its limit`);
      }
      for (const node of nodes) {
        const table = node['Relation Name'];
        const isWhole = table !== undefined && node['Index Cond'] === undefined;
        if (isWhole) problems.push(`${name}, ${kind}: all of ${table} by ${node['Index Name'] ?? node['Node Type']}`);
      }
    }
  }
  return problems;
}

describe('each page of what is to be tried again is found by an index', () => {
  test('before the first row, without statistics', async () => {
    expect(await faults()).toEqual([]);
  });

  test('when the tables have grown since the statistics were made', async () => {
    await database.query('ANALYZE delegations, activity_logs');
    await load();
    expect(await faults()).toEqual([]);
  });

  test('with new statistics', async () => {
    await database.query('ANALYZE delegations, activity_logs');
    expect(await faults()).toEqual([]);
  });
});
