import { column, parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../../jobs/pgboss-tables.ts';

/** Jobs of a queue that ended as dead letters, a thousand at a time. The policy is named so that an index serves it. */
export function deadOriginalsStatement({ job }: PgBossTables) {
  return statement({
    parameters: { queue: parameter.text },
    columns: { id: column.text('j.id::text') },
    sql: (columns) => `SELECT ${columns} FROM ${job} j
WHERE j.name = $queue AND j.state = 'failed' AND j.policy = 'key_strict_fifo' LIMIT 1000`,
  });
}
