import { PgBoss } from 'pg-boss';
import { type ConnectionOptions, poolConfig } from '../../db/connection.ts';
import { verbatim } from './pgboss-schema.ts';
import { steadyClock } from './steady-clock.ts';

/** How often a dead replica's sweep is looked for, and whether a tick is due. */
export const SUPERVISE_SECONDS = 10;
/** How often the clock is compared with the database's, by which ticks are due. */
const CLOCK_CHECK_SECONDS = 60;
/** How long a due tick may wait to be queued: an idle daemon's queries. */
const CRON_POLL_SECONDS = 5;

/** pg-boss as the daemon runs it. Connects nowhere yet. */
export function createBoss(connection: ConnectionOptions, pgbossSchema: string): PgBoss {
  return new PgBoss({
    ...poolConfig(connection),
    schema: verbatim(pgbossSchema),
    // Never DDL from a daemon: `migrate up` installed it, with rights that the daemon need not have.
    migrate: false,
    createSchema: false,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
    cronMonitorIntervalSeconds: SUPERVISE_SECONDS,
    cronWorkerIntervalSeconds: CRON_POLL_SECONDS,
    // There are no flows; asked every five seconds by default.
    flowIntervalSeconds: 3600,
    reindex: false,
    clock: steadyClock,
    clockMonitorIntervalSeconds: CLOCK_CHECK_SECONDS,
  });
}

/** A start that failed halfway is undone: pg-boss's next one would take its cron for started and never tick. */
export async function startBoss(boss: PgBoss): Promise<void> {
  try {
    await boss.start();
  } catch (err) {
    await boss.stop({ graceful: false }).catch(() => {});
    throw err;
  }
}
