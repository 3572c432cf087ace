import { PgBoss } from 'pg-boss';
import { type ConnectionOptions, poolConfig } from '../../db/connection.ts';
import { monotonicClock } from './monotonic-clock.ts';
import { verbatim } from './pgboss-tables.ts';

/** How often pg-boss looks for the sweep of a dead replica, and for a tick that is due. */
export const SUPERVISE_SECONDS = 10;
/** How often pg-boss compares its clock with the database's, by which ticks are due. */
const CLOCK_CHECK_SECONDS = 60;
/** How long a due tick may wait to be queued; a shorter time costs an idle daemon more queries. */
const CRON_POLL_SECONDS = 5;

/** pg-boss as the daemon runs it. Connects nowhere yet. */
export function createBoss(connection: ConnectionOptions, pgbossSchema: string): PgBoss {
  return new PgBoss({
    ...poolConfig(connection),
    schema: verbatim(pgbossSchema),
    // A daemon runs no DDL: `migrate up` installed the schema, with rights that the daemon does not need.
    migrate: false,
    createSchema: false,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
    cronMonitorIntervalSeconds: SUPERVISE_SECONDS,
    cronWorkerIntervalSeconds: CRON_POLL_SECONDS,
    // Flows are not used; pg-boss looks for them every five seconds by default.
    flowIntervalSeconds: 3600,
    reindex: false,
    clock: monotonicClock,
    clockMonitorIntervalSeconds: CLOCK_CHECK_SECONDS,
  });
}

/** Starts pg-boss. A start that fails halfway is undone: otherwise the next one would assume that its cron runs, and never tick. */
export async function startBoss(boss: PgBoss): Promise<void> {
  try {
    await boss.start();
  } catch (err) {
    await boss.stop({ graceful: false }).catch(() => {});
    throw err;
  }
}
