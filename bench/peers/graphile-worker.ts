import { Logger, makeWorkerUtils, runTaskListOnce } from 'graphile-worker';
import type { Bench } from '../bench.ts';
import { expectCount, type Peer } from './peer.ts';

/**
 * graphile-worker's own recovery, unchanged: jobs locked for more than four hours are unlocked, all by one statement. It
 * runs it whenever a task list starts; this one has none of the jobs' tasks, so that nothing else happens.
 */
export async function graphileWorker({ template }: Bench, jobs: number): Promise<Peer> {
  const database = await template.copy();
  const options = { connectionString: database.url, logger: new Logger(() => () => {}), noHandleSignals: true };
  const utils = await makeWorkerUtils(options);
  await utils.migrate();
  await utils.release();
  await database.query(`INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('call')`);
  return {
    name: 'graphile-worker',
    units: jobs,
    async prepare() {
      await database.query('TRUNCATE graphile_worker._private_jobs');
      await database.query(
        `INSERT INTO graphile_worker._private_jobs (task_id, payload, run_at, attempts, locked_at, locked_by)
         SELECT t.id, '{"callee": "callee-1"}', now() - interval '5 hours', 1, now() - interval '5 hours', 'dead-worker'
         FROM graphile_worker._private_tasks t, generate_series(1, $1::int) WHERE t.identifier = 'call'`,
        [jobs],
      );
      await database.query('VACUUM (ANALYZE) graphile_worker._private_jobs');
    },
    async run() {
      const client = await database.pool.connect();
      try {
        await runTaskListOnce(options, { 'no-such-task': () => {} }, client).promise;
      } finally {
        client.release();
      }
    },
    async verify() {
      const [row] = await database.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM graphile_worker._private_jobs WHERE locked_at IS NULL',
      );
      expectCount('graphile-worker', row!.n, jobs);
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
