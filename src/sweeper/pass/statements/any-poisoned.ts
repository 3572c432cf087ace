import { column, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Whether any poisoned row is known. */
export function anyPoisonedStatement({ notices }: SweeperTables) {
  return statement({
    columns: { any: column.boolean(`EXISTS (SELECT FROM ${notices} WHERE kind = 'poisoned')`) },
    sql: (columns) => `SELECT ${columns}`,
  });
}
