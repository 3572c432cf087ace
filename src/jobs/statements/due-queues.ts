import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../pgboss-tables.ts';

/**
 * Which of these queues have a job that is due and that no worker has, and which have one whose worker has died or has had it for too long, as
 * pg-boss judges it: two probes of an index for each. Without `blocked`, which no job here is, the first would read all that the queue has kept.
 */
export function dueQueuesStatement({ job, now }: PgBossTables) {
  return statement({
    parameters: { queues: parameter.texts },
    columns: {
      queue: column.text('q.name'),
      dueUs: column.micros('clock.now'),
      isDue: column.boolean('due.name IS NOT NULL'),
      /** Of the job that is due. */
      data: nullable(column.json<unknown>('due.data')),
      isLost: column.boolean('lost.name IS NOT NULL'),
    },
    sql: (columns) => `WITH clock AS MATERIALIZED (SELECT ${now} AS now)
SELECT ${columns} FROM unnest($queues) q (name) CROSS JOIN clock
LEFT JOIN LATERAL (
  SELECT j.name, j.data FROM ${job} j
  WHERE j.name = q.name AND j.state < 'active' AND NOT j.blocked AND j.start_after <= clock.now LIMIT 1) due ON true
LEFT JOIN LATERAL (
  SELECT j.name FROM ${job} j WHERE j.name = q.name AND j.state = 'active'
    AND (j.heartbeat_on + j.heartbeat_seconds * interval '1 second' < clock.now
      OR j.started_on + j.expire_seconds * interval '1 second' < clock.now) LIMIT 1) lost ON true
WHERE due.name IS NOT NULL OR lost.name IS NOT NULL`,
  });
}
