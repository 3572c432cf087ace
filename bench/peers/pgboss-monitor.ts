import { PgBoss } from 'pg-boss';
import type { Bench } from '../bench.ts';
import { expectCount, type Peer } from './peer.ts';

const QUEUE = 'probe';

/**
 * pg-boss's own supervision, unchanged: it fails active jobs whose heartbeat has been missing for too long, a thousand per
 * transaction. Each is deleted and inserted again in its new state.
 */
export async function pgBossMonitor({ template }: Bench, jobs: number): Promise<Peer> {
  const database = await template.copy();
  const boss = new PgBoss({
    connectionString: database.url,
    schema: 'pgboss',
    supervise: false,
    schedule: false,
    migrate: false,
    createSchema: false,
    // No limit between two passes: each turn asks for one.
    monitorIntervalSeconds: 1,
  });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue(QUEUE, { retryLimit: 0, heartbeatSeconds: 10, expireInSeconds: 3600 });
  return {
    name: 'pg-boss monitor',
    units: jobs,
    async prepare() {
      await database.query('TRUNCATE pgboss.job');
      await database.query(
        `INSERT INTO pgboss.job (name, state, data, retry_limit, started_on, heartbeat_on, heartbeat_seconds,
           expire_seconds, policy)
         SELECT $1, 'active', '{"callee": "callee-1"}', 0, now() - interval '15 minutes', now() - interval '11 minutes', 10,
           3600, 'standard'
         FROM generate_series(1, $2::int)`,
        [QUEUE, jobs],
      );
      await database.query(`UPDATE pgboss.queue SET monitor_on = NULL, monitor_claim_on = NULL, maintain_on = now()`);
      await database.query('VACUUM (ANALYZE) pgboss.job');
    },
    run: () => boss.supervise(QUEUE),
    async verify() {
      const [row] = await database.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pgboss.job WHERE name = $1 AND state = 'failed'`,
        [QUEUE],
      );
      expectCount('pg-boss', row!.n, jobs);
    },
    async [Symbol.asyncDispose]() {
      await boss.stop({ graceful: false });
      await database[Symbol.asyncDispose]();
    },
  };
}
