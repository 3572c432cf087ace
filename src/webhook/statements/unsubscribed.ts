import { column, parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../../jobs/pgboss-tables.ts';

/** Ends all subscriptions of these queues. Returns the events that one of them was subscribed to. */
export function unsubscribedStatement({ subscription }: PgBossTables) {
  return statement({
    parameters: { queues: parameter.texts },
    columns: { event: column.text('e.event') },
    sql: (columns) => `WITH ended AS (DELETE FROM ${subscription} WHERE name = ANY ($queues) RETURNING event)
SELECT DISTINCT ${columns} FROM ended e`,
  });
}
