import type { Parameter } from '../../../db/parameter.ts';
import { column, parameter, statement } from '../../../db/statement.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';
import { aheadOf } from './ahead.ts';

/** What is asked of one ledger. */
export interface ScheduleAsked {
  /** That of its sweeps. */
  readonly queue: string;
  /** Its other queues that have a schedule. */
  readonly others: readonly string[];
}

const asked: Parameter<readonly ScheduleAsked[]> = parameter.json;

/** The schedules of these ledgers as the database has them, at one instant of the clock by which pg-boss judges; in their order. */
export function scheduleReadingStatement(tables: PgBossTables) {
  const { job, queue, schedule, version, now } = tables;
  const ahead = aheadOf(tables, 'q.name');
  return statement({
    parameters: { asked },
    columns: {
      nowMs: column.wholeNumber(`extract(epoch FROM ${now}) * 1000`),
      /** Whether a sweep's job is being worked on. */
      active: column.boolean(`EXISTS (SELECT FROM ${job} WHERE name = q.name AND state = 'active')`),
      /**
       * Whether the ticks are scheduled, and the other queues are there. A schedule of those may be gone on purpose: a daemon that is
       * configured anew takes it away, while an older one still runs.
       */
      scheduled: column.boolean(`EXISTS (SELECT FROM ${schedule} s WHERE s.name = q.name)
    AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(q.others) e (name)
      WHERE NOT EXISTS (SELECT FROM ${queue} o WHERE o.name = e.name))`),
      /** Whether instants that pg-boss wrote lie in the future: the clock was set back. */
      ahead: column.boolean(`EXISTS (SELECT FROM ${version} WHERE ${ahead.cron})
    OR EXISTS (SELECT FROM ${queue} WHERE ${ahead.queueTasks.where})
    OR EXISTS (SELECT FROM ${job} WHERE ${ahead.delayed.where})
    OR EXISTS (SELECT FROM ${job} WHERE ${ahead.alive.where})
    OR EXISTS (SELECT FROM ${job} WHERE ${ahead.ticks.where})`),
    },
    sql: (columns) => `SELECT ${columns} FROM (
  SELECT a.value ->> 'queue' AS name, a.value -> 'others' AS others, a.nth
  FROM jsonb_array_elements($asked) WITH ORDINALITY a (value, nth)) q ORDER BY q.nth`,
  });
}
