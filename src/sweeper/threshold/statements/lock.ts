import { statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** One daemon at a time agrees on the threshold. */
export function lockStatement({ sweeperState }: SweeperTables) {
  return statement({ sql: `SELECT FROM ${sweeperState} WHERE singleton FOR UPDATE` });
}
