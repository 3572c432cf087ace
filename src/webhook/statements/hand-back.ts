import { parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../../jobs/pgboss-tables.ts';

/** Queues jobs again that were taken. Without a start, pg-boss does not count the attempt. */
export function handBackStatement({ job }: PgBossTables) {
  return statement({
    parameters: { queue: parameter.text, ids: parameter.texts },
    sql: `UPDATE ${job} SET state = 'created', started_on = NULL, heartbeat_on = NULL
WHERE name = $queue AND id = ANY ($ids::uuid[]) AND state = 'active'`,
  });
}
