import { column, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

/** Rows that are counted at most: the answer is needed at once, however large the ledger is. */
export const COUNT_MAX = 100_000;

/** How many rows a table has, counted to COUNT_MAX. */
export function rowCountStatement(tables: SweeperTables, table: 'delegations' | 'activityLogs') {
  return statement({
    columns: { count: column.wholeNumber('count(*)') },
    sql: (columns) => `SELECT ${columns} FROM (SELECT FROM ${tables[table]} LIMIT ${COUNT_MAX}) counted`,
  });
}
