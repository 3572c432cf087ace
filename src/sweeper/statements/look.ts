import { statement } from '../../db/statement.ts';
import { openingColumns } from '../opening.ts';
import type { SweeperTables } from '../tables.ts';

/** Reads what a sweep starts from, without the lease. */
export function lookStatement({ sweeperState }: SweeperTables) {
  return statement({
    columns: openingColumns,
    sql: (columns) => `SELECT ${columns} FROM ${sweeperState} s WHERE singleton`,
  });
}
