import { statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Makes other operators wait until the transaction ends, and no sweep's batch, which only reads. */
export function lockHoldsStatement({ holds }: SweeperTables) {
  return statement({ sql: `LOCK TABLE ${holds} IN SHARE ROW EXCLUSIVE MODE` });
}
