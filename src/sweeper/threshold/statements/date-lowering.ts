import { statement } from '../../../db/statement.ts';
import { UNDATED } from '../../../ledger/functions/beat.ts';
import type { SweeperTables } from '../../tables.ts';

/**
 * Sets a lowering's instant, once its commit can be seen: whoever was heard before that commit was answered with the earlier
 * threshold. In the model: date_lowering.
 */
export function dateLoweringStatement({ lowerings }: SweeperTables) {
  return statement({
    sql: `UPDATE ${lowerings} SET lowered_at = clock_timestamp() WHERE lowered_at = ${UNDATED}`,
  });
}
