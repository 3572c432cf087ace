import { column, parameter, statement } from '../../../db/statement.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';
import { aheadOf } from './ahead.ts';

/** The schedules of these queues as the database has them, at one instant of the clock by which pg-boss judges; in their order. */
export function scheduleReadingStatement(tables: PgBossTables) {
  const { job, queue, schedule, version, now } = tables;
  const ahead = aheadOf(tables, 'q.name');
  return statement({
    parameters: { queues: parameter.texts },
    columns: {
      nowMs: column.wholeNumber(`extract(epoch FROM ${now}) * 1000`),
      /** Whether a sweep's job is being worked on. */
      active: column.boolean(`EXISTS (SELECT FROM ${job} WHERE name = q.name AND state = 'active')`),
      /** Whether the ledger's ticks are still scheduled. */
      scheduled: column.boolean(`EXISTS (SELECT FROM ${schedule} s WHERE s.name = q.name)`),
      /** Whether instants that pg-boss wrote lie in the future: the clock was set back. */
      ahead: column.boolean(`EXISTS (SELECT FROM ${version} WHERE ${ahead.cron})
    OR EXISTS (SELECT FROM ${queue} WHERE ${ahead.queueTasks.where})
    OR EXISTS (SELECT FROM ${job} WHERE ${ahead.delayed.where})
    OR EXISTS (SELECT FROM ${job} WHERE ${ahead.alive.where})
    OR EXISTS (SELECT FROM ${job} WHERE ${ahead.ticks.where})`),
    },
    sql: (columns) => `SELECT ${columns} FROM unnest($queues) WITH ORDINALITY q (name, nth) ORDER BY q.nth`,
  });
}
