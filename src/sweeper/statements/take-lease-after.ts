import { nullable, parameter, statement } from '../../db/statement.ts';
import { openingColumns } from '../opening.ts';
import type { SweeperTables } from '../tables.ts';

/**
 * Takes the lease for a sweep between the ticks, unless another sweep than `after` has it; no row then. The last sweep
 * that was none of these is stored as well, for the watch over the ticks. In the model: take_lease_after.
 */
export function takeLeaseAfterStatement(tables: SweeperTables) {
  return statement({
    parameters: { sweepId: parameter.text, after: nullable(parameter.text) },
    columns: openingColumns(tables),
    sql: (columns) => `
UPDATE ${tables.sweeperState} s SET sweep_id = $sweepId, tick_sweep_id = coalesce(s.tick_sweep_id, s.sweep_id)
WHERE singleton AND s.sweep_id IS NOT DISTINCT FROM $after RETURNING ${columns}`,
  });
}
