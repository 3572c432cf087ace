import { column, statement } from '../../db/statement.ts';

/** The database's clock, by which ages are told. */
export function clockStatement() {
  return statement({
    columns: { now: column.instant('clock_timestamp()') },
    sql: (columns) => `SELECT ${columns}`,
  });
}
