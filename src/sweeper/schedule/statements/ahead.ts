import { literal } from '../../../db/literal.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';

/**
 * pg-boss's own queue, through which its ticks go. pg-boss creates it only when it starts.
 */
export const TICK_QUEUE = '__pgboss__send-it';

/** What lies ahead by less may have been written while the reading ran. */
const TOLERATED = "interval '5 seconds'";
/** Longer than pg-boss takes to notice that the clock was set: it looks once a minute. */
const UNNOTICED = "interval '90 seconds'";

/** In `version`, one row for all replicas: when each of pg-boss's periodic tasks last ran. */
const TASKS = ['cron_on', 'flow_on', 'reindex_on', 'bam_on'];
/** The same in `queue`, for each queue: among them the search for the jobs of dead workers. */
const QUEUE_TASKS = ['monitor_on', 'monitor_claim_on', 'maintain_on'];

/**
 * SQL: conditions on pg-boss's rows whose instants lie in the future, since the database's clock was set back; each with its repair.
 * `queue`: SQL, its name.
 */
export function aheadOf({ now }: PgBossTables, queue = '$queue') {
  const isAhead = (column: string) => `${column} > ${now} + ${TOLERATED}`;
  const anyAhead = (columns: readonly string[]) => columns.map(isAhead).join(' OR ');
  const atMostNow = (columns: readonly string[]) =>
    columns.map((column) => `${column} = CASE WHEN ${column} > ${now} THEN ${now} ELSE ${column} END`).join(', ');
  return {
    cron: isAhead('cron_on'),
    tasks: { where: anyAhead(TASKS), set: atMostNow(TASKS) },
    queueTasks: { where: anyAhead(QUEUE_TASKS), set: atMostNow(QUEUE_TASKS) },
    /** Jobs of the queue that are not due yet. */
    delayed: {
      where: `name = ${queue} AND state < 'active' AND NOT blocked AND ${isAhead('start_after')}`,
      set: `start_after = ${now}`,
    },
    /** Jobs of the queue whose worker seems alive. */
    alive: {
      where: `name = ${queue} AND state = 'active' AND ${isAhead('heartbeat_on')}`,
      set: `heartbeat_on = ${now}`,
    },
    /**
     * Ticks of minutes that come a second time. A tick is filed under its minute, as UTC without a zone; the condition
     * has the form of pg-boss's index. Those filed before the clock was set back, and those filed since by a pg-boss that
     * had not noticed yet; but not at once, or it would file them again and again until it has.
     */
    ticks: {
      where: `name = ${literal(TICK_QUEUE)} AND data->>'name' = ${queue} AND state <> 'cancelled' AND state <> 'active'
    AND singleton_on > (${now} + interval '1 minute') AT TIME ZONE 'UTC'
    AND (${isAhead('created_on')} OR created_on < ${now} - ${UNNOTICED})`,
    },
  };
}
