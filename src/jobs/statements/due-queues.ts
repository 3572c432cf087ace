import { column, parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../pgboss-tables.ts';

/** Which of these queues have a job that is due and that no worker has: a probe of an index for each. */
export function dueQueuesStatement({ job, now }: PgBossTables) {
  return statement({
    parameters: { queues: parameter.texts },
    columns: { queue: column.text('q.name'), dueUs: column.micros('clock.now') },
    sql: (columns) => `WITH clock AS MATERIALIZED (SELECT ${now} AS now)
SELECT ${columns} FROM unnest($queues) q (name), clock
WHERE EXISTS (SELECT FROM ${job} j WHERE j.name = q.name AND j.state < 'active' AND j.start_after <= clock.now)`,
  });
}
