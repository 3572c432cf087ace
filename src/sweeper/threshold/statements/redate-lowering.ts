import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Sets a lowering's instant to now: a heartbeat before its commit was answered with the earlier threshold. */
export function redateLoweringStatement({ lowerings }: SweeperTables) {
  return statement({
    parameters: { loweredAt: parameter.micros },
    sql: `UPDATE ${lowerings} SET lowered_at = clock_timestamp() WHERE lowered_at = $loweredAt`,
  });
}
