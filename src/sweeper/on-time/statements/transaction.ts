import { column, statement } from '../../../db/statement.ts';

/** The number of a transaction that begins now: every other one that has begun to write has a lower one. */
export function transactionStatement() {
  return statement({
    columns: { transaction: column.text('pg_current_xact_id()::text') },
    sql: (columns) => `SELECT ${columns}`,
  });
}
