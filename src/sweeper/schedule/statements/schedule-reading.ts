import type { Parameter } from '../../../db/parameter.ts';
import { column, parameter, statement } from '../../../db/statement.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';
import { aheadOf } from './ahead.ts';

/** What is asked of one ledger. */
export interface ScheduleAsked {
  /** That of its sweeps. */
  readonly queue: string;
  /** All of its queues that have a schedule. */
  readonly scheduled: readonly string[];
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
      /** Whether each of its schedules is there. pg-boss removes that of a queue that is removed. */
      scheduled: column.boolean(`NOT EXISTS (SELECT FROM jsonb_array_elements_text(q.scheduled) e (name)
    WHERE NOT EXISTS (SELECT FROM ${schedule} s WHERE s.name = e.name))`),
      /** Whether instants that pg-boss wrote lie in the future: the clock was set back. */
      ahead: column.boolean(`EXISTS (SELECT FROM ${version} WHERE ${ahead.cron})
    OR EXISTS (SELECT FROM ${queue} WHERE ${ahead.queueTasks.where})
    OR EXISTS (SELECT FROM ${job} WHERE ${ahead.delayed.where})
    OR EXISTS (SELECT FROM ${job} WHERE ${ahead.alive.where})
    OR EXISTS (SELECT FROM ${job} WHERE ${ahead.ticks.where})`),
    },
    sql: (columns) => `SELECT ${columns} FROM (
  SELECT a.value ->> 'queue' AS name, a.value -> 'scheduled' AS scheduled, a.nth
  FROM jsonb_array_elements($asked) WITH ORDINALITY a (value, nth)) q ORDER BY q.nth`,
  });
}
