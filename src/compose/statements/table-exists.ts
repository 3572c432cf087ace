import { column, parameter, statement } from '../../db/statement.ts';

/** Whether there is a table of this quoted name. */
export function tableExistsStatement() {
  return statement({
    parameters: { table: parameter.text },
    columns: { exists: column.boolean('to_regclass($table) IS NOT NULL') },
    sql: (columns) => `SELECT ${columns}`,
  });
}
