import { column, nullable, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../tables.ts';

/** The sweep that began last, by any replica or command; those between the ticks do not count. */
export function tickSweepStatement({ sweeperState }: SweeperTables) {
  return statement({
    columns: { sweepId: nullable(column.text('coalesce(s.tick_sweep_id, s.sweep_id)')) },
    sql: (columns) => `SELECT ${columns} FROM ${sweeperState} s WHERE s.singleton`,
  });
}
