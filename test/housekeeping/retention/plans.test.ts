import { expect, test } from '@jest/globals';
import { nodesOf, type PlanNode } from '../../support/explain.ts';
import { Recorder } from '../../support/recorded.ts';
import { seedHistory } from '../../support/seed-history.ts';
import { useDatabase } from '../../support/use-database.ts';
import { days, type PastRow, seedPast, testPruner } from './retained.ts';

const database = useDatabase({ fresh: true, replayed: false });

test('each statement of a prune finds its rows by an index, also with statistics of an empty table, and passes over the open', async () => {
  await database.query(`ALTER TABLE delegations SET (autovacuum_enabled = off);
    ALTER TABLE activity_logs SET (autovacuum_enabled = off); ANALYZE delegations, activity_logs`);
  await seedHistory(database, 20_000);
  const open = Array.from(
    { length: 300 },
    (_, i): PastRow => ({ id: `open-${i}`, status: 'in_progress', created: 400 }),
  );
  await seedPast(database, [
    ...open,
    { id: 'a', status: 'completed', created: 400 },
    { id: 'b', status: 'stuck', created: 400, late: [50] },
    { id: 'c', status: 'completed', created: 60 },
  ]);
  await using recorder = new Recorder(database.url);
  const { prune, count } = testPruner(recorder.db);
  await recorder.during('count', () => count(days(200, 100)));
  await recorder.during('prune', () => prune(days(200, 100)));
  const asked = recorder.statements.filter(({ sql }) => /"(delegations|activity_logs)"/.test(sql));
  expect(asked.length).toBeGreaterThanOrEqual(8);
  const session = await database.connect();
  await session.query('BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off');
  const indexes = new Set<string>();
  for (const { sql, parameters } of asked) {
    const { rows } = await session.query(`EXPLAIN (FORMAT JSON) ${sql}`, [...parameters]);
    const nodes = nodesOf(rows[0]['QUERY PLAN'][0].Plan as PlanNode);
    expect({
      sql,
      scans: nodes.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name']),
    }).toEqual({ sql, scans: [] });
    for (const node of nodes) if (node['Index Name']) indexes.add(node['Index Name']);
  }
  await session.query('ROLLBACK');
  expect([...indexes].sort()).toEqual([
    'activity_logs_delegation',
    'activity_logs_pkey',
    'delegations_by_status',
    'delegations_pkey',
  ]);
  // Three hundred open rows, older than what is asked for, cost nothing: they are in another part of the index.
  const page = asked.find(({ sql, label }) => label === 'prune' && sql.includes(`= 'failed'`))!;
  const { rows } = await session.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${page.sql}`, [...page.parameters]);
  expect(rows[0]['QUERY PLAN'][0].Plan['Shared Hit Blocks']).toBeLessThan(10);
  await session.end();
});
