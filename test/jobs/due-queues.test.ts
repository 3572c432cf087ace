import { expect, test } from '@jest/globals';
import { pgBossTables } from '../../src/jobs/pgboss-tables.ts';
import { dueQueuesStatement } from '../../src/jobs/statements/due-queues.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ fresh: true });

/** Pages that a queue with so many delivered jobs has, and more. */
const KEPT = 20_000;
const PAGES_MAX = 50;

test('a queue that has kept many delivered jobs costs the poll a few pages, whatever the statistics say', async () => {
  await database.query(`SELECT pgboss.create_queue('kept', '{"policy": "standard"}')`);
  const pages = async () => {
    const { sql, parameters } = dueQueuesStatement(pgBossTables('pgboss')).bind({ queues: ['kept'] });
    const [row] = await database.query<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
      [...parameters],
    );
    const { Plan: plan } = row!['QUERY PLAN'][0]!;
    return plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!;
  };
  await database.query(
    `INSERT INTO pgboss.job (name, data, state, completed_on) SELECT 'kept', '{}', 'completed', now() FROM generate_series(1, ${KEPT})`,
  );
  expect(await pages()).toBeLessThan(PAGES_MAX);
  await database.query('ANALYZE pgboss.job');
  expect(await pages()).toBeLessThan(PAGES_MAX);
});
