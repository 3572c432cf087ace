import { column, statement } from '../../../db/statement.ts';

export function clockStatement() {
  return statement({
    columns: { nowUs: column.micros('clock_timestamp()') },
    sql: (columns) => `SELECT ${columns}`,
  });
}
