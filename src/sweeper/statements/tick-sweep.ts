import { column, nullable, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../tables.ts';

/** Of the row `s`: the sweep that began last, by any replica or command; those between the ticks do not count. */
export const TICK_SWEEP_ID = 'coalesce(s.tick_sweep_id, s.sweep_id)';

export function tickSweepStatement({ sweeperState }: SweeperTables) {
  return statement({
    columns: { sweepId: nullable(column.text(TICK_SWEEP_ID)) },
    sql: (columns) => `SELECT ${columns} FROM ${sweeperState} s WHERE s.singleton`,
  });
}
