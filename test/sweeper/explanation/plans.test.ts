import { expect, test } from '@jest/globals';
import { lateResultsStatement } from '../../../src/sweeper/explanation/statements/late-results.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { customPlan, genericPlan, nodesOf } from '../../support/explain.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ fresh: true, replayed: false });

test('the late results of a delegation are read from its own activity, also with statistics made before there were any', async () => {
  await database.query('ALTER TABLE activity_logs SET (autovacuum_enabled = off)');
  await database.query(`
    INSERT INTO activity_logs (delegation_id, event, actor, detail)
    SELECT 'd-' || n % 20, 'delegation.waiting', 'test', jsonb_build_object('n', n) FROM generate_series(1, 20000) n`);
  await database.query('ANALYZE activity_logs');
  await database.query(`
    INSERT INTO activity_logs (delegation_id, event, actor, detail)
    SELECT 'other-' || n, 'delegation.late_result', 'test', jsonb_build_object('n', n) FROM generate_series(1, 20000) n`);
  const session = await database.connect();
  const bound = lateResultsStatement(sweeperTables(database.db)).bind({
    delegationId: 'd-1',
    previews: false,
    entriesMax: 10,
  });
  for (const plan of [await customPlan(session, bound), await genericPlan(session, bound)]) {
    const scans = nodesOf(plan).filter((node) => node['Index Name'] !== undefined);
    expect(scans.length).toBeGreaterThan(0);
    for (const scan of scans) expect(scan['Index Cond']).toContain('delegation_id');
  }
  await session.end();
});
