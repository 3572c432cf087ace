import { column, parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../../jobs/pgboss-tables.ts';

/** Which queues subscribe to these types of events. */
export function subscriptionsStatement({ subscription }: PgBossTables) {
  return statement({
    parameters: { types: parameter.texts },
    columns: { type: column.text('s.event'), queue: column.text('s.name') },
    sql: (columns) => `SELECT ${columns} FROM ${subscription} s WHERE s.event = ANY ($types) ORDER BY s.name, s.event`,
  });
}
