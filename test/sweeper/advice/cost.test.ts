import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { FOLLOWED_MAX } from '../../../src/sweeper/advice/sample.ts';
import { sampleStatement } from '../../../src/sweeper/advice/statements/sample.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { customPlan, genericPlan, nodesOf, type PlanNode } from '../../support/explain.ts';
import { leaveBeat } from '../../support/leave-beat.ts';
import { seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ fresh: true, replayed: false });
const ROWS = 20_000;
/** Three levels of an index and a page of the table for each row, and as much again for pages that were left. */
const BUFFERS_OF_ROW = 5;
const ACTIVITIES_MAX = 600;

let session: pg.Client;
beforeAll(async () => {
  session = await database.connect();
  await database.query('ALTER TABLE delegations SET (autovacuum_enabled = off)');
  await database.query('ALTER TABLE activity_logs SET (autovacuum_enabled = off)');
});
afterAll(() => session.end());

async function bound(prefix: string) {
  const [{ daemon_id: daemonId }] = (await database.query<{ daemon_id: string }>(
    'SELECT daemon_id FROM sweeper_daemons',
  )) as [{ daemon_id: string }];
  const ids = Array.from({ length: FOLLOWED_MAX }, (_, i) => `${prefix}${String(i * 40).padStart(8, '0')}`);
  return sampleStatement(sweeperTables(database.db)).bind({ daemonId, after: 0, ids, stampsUs: ids.map(() => 0) });
}

const readsTables = (plan: PlanNode) =>
  nodesOf(plan).filter(
    (node) =>
      ['delegations', 'activity_logs'].includes(node['Relation Name'] ?? '') && !/^Index/.test(node['Node Type']),
  );

test('a reading reads each delegation by its key, whatever the statistics, and no more than a bounded number', async () => {
  await leaveBeat(database.db);
  await database.query('ANALYZE delegations, activity_logs');
  const prefix = await seedFleet(database, { rows: ROWS });
  const check = async (when: string) => {
    const statement = await bound(prefix);
    for (const [kind, planned] of [
      ['custom', customPlan],
      ['generic', genericPlan],
    ] as const) {
      expect({ when, kind, wrong: readsTables(await planned(session, statement)) }).toEqual({ when, kind, wrong: [] });
    }
    const { rows } = await session.query(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${statement.sql}`,
      statement.parameters,
    );
    const [{ Plan: plan, JIT: jit }] = rows[0]['QUERY PLAN'];
    const buffers = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    expect(buffers).toBeLessThan(BUFFERS_OF_ROW * (FOLLOWED_MAX + 2 * ACTIVITIES_MAX));
    expect(plan['Total Cost']).toBeLessThan(50_000);
    expect(jit).toBeUndefined();
  };
  await check('the statistics are from an empty table');
  await database.query('VACUUM ANALYZE delegations, activity_logs');
  await check('the statistics are fresh');
});
