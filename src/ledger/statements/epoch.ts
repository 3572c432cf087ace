import { column, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';

/** Which epoch it is, for a process that has nothing to heartbeat. */
export function epochStatement({ sweeperThreshold }: LedgerTables) {
  return statement({
    columns: { epoch: column.text('t.epoch') },
    sql: (columns) => `SELECT ${columns} FROM ${sweeperThreshold} t WHERE t.singleton`,
  });
}
