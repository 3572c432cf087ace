import { statement } from '../../db/statement.ts';
import { openingColumns } from '../opening.ts';
import type { SweeperTables } from '../tables.ts';

/** Reads what a sweep starts from, without the lease. */
export function lookStatement(tables: SweeperTables) {
  return statement({
    columns: openingColumns(tables),
    sql: (columns) => `SELECT ${columns} FROM ${tables.sweeperState} s WHERE singleton`,
  });
}
