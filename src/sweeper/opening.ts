import type { RowOf } from '../db/column.ts';
import { column, nullable } from '../db/statement.ts';
import { isInForce } from './hold/statements/held.ts';
import { isEndUnlogged } from './hold/statements/log-ends.ts';
import type { SweeperTables } from './tables.ts';

/** What a sweep starts from, all read at one instant of the database's clock. SQL over `s`, the row of sweeper_state. */
export const openingColumns = ({ holds }: SweeperTables) => ({
  nowUs: column.micros('clock_timestamp()'),
  /** The sweep that has the lease. */
  leaseId: nullable(column.text('s.sweep_id')),
  /** Since when there are signs of a storm; null: none. `StormMemory` has the rest. */
  stormSinceUs: nullable(column.micros('coalesce(s.storm_held_since, s.storm_forming_since)')),
  /** An operator holds the rules that infer silence. */
  isHeld: column.boolean(`EXISTS (SELECT FROM ${holds} h WHERE ${isInForce('clock_timestamp()')})`),
  /** A hold has ended, and no sweep has logged it. */
  hasUnloggedEnd: column.boolean(`EXISTS (SELECT FROM ${holds} h WHERE ${isEndUnlogged('clock_timestamp()')})`),
});

export type Opening = RowOf<ReturnType<typeof openingColumns>>;
