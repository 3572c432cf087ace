import { column, parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../../jobs/pgboss-tables.ts';

/** To how many types of events these queues are subscribed. */
export function subscribedStatement({ subscription }: PgBossTables) {
  return statement({
    parameters: { queues: parameter.texts },
    columns: { types: column.wholeNumber('count(DISTINCT s.event)') },
    sql: (columns) => `SELECT ${columns} FROM ${subscription} s WHERE s.name = ANY ($queues)`,
  });
}
