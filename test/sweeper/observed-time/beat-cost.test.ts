import { expect, test } from '@jest/globals';
import { beatStatement } from '../../../src/sweeper/observed-time/statements/beat.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ fresh: true });

test('a beat on a ledger whose tables were never analyzed is too cheap for JIT compilation', async () => {
  const session = await database.connect();
  const values = {
    daemonId: 'daemon',
    stuckAfterMs: 600_000,
    gapAfterMs: 30_000,
    lastLeft: 1,
    setBackBefore: 1,
    sawSetBack: false,
  };
  const { sql, parameters } = beatStatement(sweeperTables(database.db)).bind(values);
  const { rows } = await session.query(`EXPLAIN (FORMAT JSON) ${sql}`, parameters);
  const [{ Plan: plan, JIT: jit }] = rows[0]['QUERY PLAN'];
  // jit_above_cost is 100,000.
  expect(plan['Total Cost']).toBeLessThan(10_000);
  expect(jit).toBeUndefined();
  await session.end();
});
