import type { RowOf } from '../db/column.ts';
import { column, nullable } from '../db/statement.ts';

/** What a sweep starts from, all read at one instant of the database's clock. SQL over `s`, the row of sweeper_state. */
export const openingColumns = {
  nowUs: column.micros('clock_timestamp()'),
  /** The sweep that has the lease. */
  leaseId: nullable(column.text('s.sweep_id')),
  /** Since when there are signs of a storm; null: none. `StormMemory` has the rest. */
  stormSinceUs: nullable(column.micros('coalesce(s.storm_held_since, s.storm_forming_since)')),
};

export type Opening = RowOf<typeof openingColumns>;
