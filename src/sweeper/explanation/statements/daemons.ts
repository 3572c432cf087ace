import { column, statement } from '../../../db/statement.ts';
import { isPresent } from '../../../ledger/functions/beat.ts';
import type { SweeperTables } from '../../tables.ts';

/** How many daemons have left a beat lately. */
export function daemonsStatement({ daemons }: SweeperTables) {
  return statement({
    columns: { present: column.wholeNumber('count(*)') },
    sql: (columns) => `SELECT ${columns} FROM ${daemons} d WHERE ${isPresent('clock_timestamp()')}`,
  });
}
