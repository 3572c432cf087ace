import { column, nullable, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** What all daemons of this ledger keep together, in one row, at one instant of the database's clock. */
export function daemonStateStatement({ sweeperState, sweeperThreshold, gaps }: SweeperTables) {
  return statement({
    columns: {
      now: column.instant('clock_timestamp()'),
      /** The last successful sweep by any replica. */
      sweptAt: nullable(column.instant('s.swept_at')),
      beatAt: nullable(column.instant('s.beat_at')),
      /** The threshold in force; null before the first beat. */
      stuckAfterMs: nullable(column.wholeNumber('greatest(t.stuck_after_ms, s.stuck_after_ms)')),
      stormHeldSince: nullable(column.instant('s.storm_held_since')),
      stormReleasedAt: nullable(column.instant('s.storm_released_at')),
      /** `calm`: the rest is marked as usual; otherwise STORM_MAX_HOLD has passed. */
      stormReleasedWhy: nullable(column.text('s.storm_released_why')),
      /** Unobserved time since the hold began, which does not count towards STORM_MAX_HOLD. */
      stormUnobservedMs: column.wholeNumber(`(
    SELECT coalesce(1000 * sum(extract(epoch FROM g.gap_end - greatest(g.gap_start, s.storm_held_since))), 0)
    FROM ${gaps} g WHERE g.gap_end > s.storm_held_since)`),
    },
    sql: (columns) => `
SELECT ${columns}
FROM ${sweeperState} s LEFT JOIN ${sweeperThreshold} t ON t.singleton WHERE s.singleton`,
  });
}

export type DaemonState = Awaited<ReturnType<ReturnType<typeof daemonStateStatement>['run']>>[number];
