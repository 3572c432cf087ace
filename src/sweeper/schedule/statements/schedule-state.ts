import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';

/** The queue and the schedule of a ledger's sweeps, as pg-boss has them. */
export function scheduleStateStatement({ queue, schedule }: PgBossTables) {
  return statement({
    parameters: { queue: parameter.text },
    columns: {
      policy: nullable(column.text('q.policy')),
      cron: nullable(column.text('s.cron')),
      timezone: nullable(column.text('s.timezone')),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (VALUES (1)) one
LEFT JOIN ${queue} q ON q.name = $queue
LEFT JOIN ${schedule} s ON s.name = $queue AND s.key = ''`,
  });
}
