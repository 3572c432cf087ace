import { expect, test } from '@jest/globals';
import { leaveStatement } from '../../../src/sweeper/observed-time/beats.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase();

test('a beat on a ledger whose tables were never analyzed is too cheap for JIT compilation', async () => {
  const session = await database.connect();
  const { sql } = leaveStatement(sweeperTables(database.db));
  const { rows } = await session.query(`EXPLAIN (FORMAT JSON) ${sql}`, ['daemon', 600_000, 30_000, 1]);
  const [{ Plan: plan, JIT: jit }] = rows[0]['QUERY PLAN'];
  // jit_above_cost is 100,000.
  expect(plan['Total Cost']).toBeLessThan(10_000);
  expect(jit).toBeUndefined();
  await session.end();
});
