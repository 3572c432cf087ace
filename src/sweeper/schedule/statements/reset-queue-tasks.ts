import { statement } from '../../../db/statement.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';
import { aheadOf } from './ahead.ts';

/** The same for the tasks of each queue. Locked in the order in which pg-boss locks them. */
export function resetQueueTasksStatement(tables: PgBossTables) {
  const { where, set } = aheadOf(tables).queueTasks;
  return statement({
    sql: `
WITH due AS MATERIALIZED (SELECT name FROM ${tables.queue} WHERE ${where} ORDER BY name FOR NO KEY UPDATE)
UPDATE ${tables.queue} q SET ${set} FROM due WHERE q.name = due.name`,
  });
}
