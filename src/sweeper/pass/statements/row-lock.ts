import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Locks one row: returns after a COMMIT of it that is still under way. */
export function rowLockStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: { delegationId: parameter.text },
    sql: `SELECT FROM ${delegations} WHERE delegation_id = $delegationId FOR NO KEY UPDATE`,
  });
}
