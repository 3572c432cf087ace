import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { suspectActivitiesStatement } from '../../../src/housekeeping/reconciliation/statements/suspect-activities.ts';
import { suspectRowsStatement } from '../../../src/housekeeping/reconciliation/statements/suspect-rows.ts';
import { reconcilerTables } from '../../../src/housekeeping/reconciliation/tables.ts';
import { buffersOf, customPlan, genericPlan, nodesOf, type PlanNode } from '../../support/explain.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ fresh: true, replayed: false });
let session: pg.Client;
beforeAll(async () => {
  session = await database.connect();
  await session.query(`
    INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, revision)
    SELECT lpad(n::text, 12, '0'), 'a', 'b', 'c', 1 FROM generate_series(1, 20000) n;
    INSERT INTO activity_logs (delegation_id, event, to_status, actor)
    SELECT delegation_id, 'delegation.queued', 'queued', 'ledger' FROM delegations`);
  await session.query('VACUUM ANALYZE delegations, activity_logs');
  // As boundedRead sets it.
  await session.query('SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off');
});
afterAll(() => session.end());

const pages = [
  ['rows', suspectRowsStatement, 'delegations_pkey'],
  ['activities', suspectActivitiesStatement, 'activity_logs_delegation'],
] as const;

describe.each(pages)('a page of %s', (_, statementOf, index) => {
  const values = { afterId: '000000010000', rowsMax: 100 };
  const bound = () => {
    const { sql, parameters } = statementOf(reconcilerTables(database.db)).bind(values);
    return { sql, parameters };
  };

  const expectPage = (plan: PlanNode) => {
    const nodes = nodesOf(plan);
    expect(nodes.map((node) => node['Index Name'])).toContain(index);
    const scanned = nodes
      .filter((node) => /Seq Scan|Bitmap/.test(node['Node Type']))
      .map((node) => node['Relation Name']);
    // The table of one row.
    expect(scanned.filter((table) => table !== 'sweeper_retention')).toEqual([]);
  };

  test('follows its index, by either kind of plan', async () => {
    expectPage(await customPlan(session, bound()));
    expectPage(await genericPlan(session, bound()));
  });

  test('reads a few pages for each of its rows, wherever it is', async () => {
    expect(await buffersOf(session, bound(), 'custom')).toBeLessThan(1500);
  });
});
