import { column, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';

/** The database's epoch, for a process that sends no heartbeats. */
export function epochStatement({ sweeperThreshold }: LedgerTables) {
  return statement({
    columns: { epoch: column.text('t.epoch') },
    sql: (columns) => `SELECT ${columns} FROM ${sweeperThreshold} t WHERE t.singleton`,
  });
}
