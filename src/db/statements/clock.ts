import { column, statement } from '../statement.ts';

/** The database's clock, by which ages are told. */
export function clockStatement() {
  return statement({
    columns: { now: column.instant('c.at'), nowUs: column.micros('c.at') },
    sql: (columns) => `SELECT ${columns} FROM (SELECT clock_timestamp() AS at) c`,
  });
}
