import { statement } from '../../db/statement.ts';
import type { SweeperTables } from '../tables.ts';

/** Makes all other daemons' beats wait until the transaction ends. */
export function lockStateStatement({ sweeperState }: SweeperTables) {
  return statement({ sql: `SELECT FROM ${sweeperState} WHERE singleton FOR UPDATE` });
}
