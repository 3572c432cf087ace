import { parameter, statement } from '../../db/statement.ts';
import { openingColumns } from '../opening.ts';
import type { SweeperTables } from '../tables.ts';

/** Takes the lease, and reads what a sweep starts from. In the model: take_lease. */
export function takeLeaseStatement(tables: SweeperTables) {
  return statement({
    parameters: { sweepId: parameter.text },
    columns: openingColumns(tables),
    sql: (columns) => `
UPDATE ${tables.sweeperState} s SET sweep_id = $sweepId, tick_sweep_id = NULL WHERE singleton RETURNING ${columns}`,
  });
}
