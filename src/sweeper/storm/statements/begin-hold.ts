import { column, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** A hold begins, unless one is under way; written by the sweep that has the lease, and by no other. No row: it did not begin. */
export function beginHoldStatement({ sweeperState }: SweeperTables) {
  return statement({
    parameters: { sweepId: parameter.text, now: parameter.micros },
    columns: { isBegun: column.boolean('true') },
    sql: (columns) => `
UPDATE ${sweeperState} SET storm_held_since = $now
WHERE singleton AND sweep_id = $sweepId AND storm_held_since IS NULL
RETURNING ${columns}`,
  });
}
