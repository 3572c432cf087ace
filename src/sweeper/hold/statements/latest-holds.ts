import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { holdColumns } from '../operator-hold.ts';

/** Newest first. Only the first can be in force. */
export function latestHoldsStatement({ holds }: SweeperTables) {
  return statement({
    parameters: { rowsMax: parameter.wholeNumber },
    columns: holdColumns,
    sql: (columns) => `SELECT ${columns} FROM ${holds} h ORDER BY h.hold_id DESC LIMIT $rowsMax`,
  });
}
