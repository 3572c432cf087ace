import { instant, Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { SweeperTables } from '../tables.ts';

/** What the daemons of this database keep between them, at one instant of its clock. */
export interface Vitals {
  readonly now: Date;
  /** The last sweep, by any replica, that went through. */
  readonly sweptAt: Date | null;
  readonly beatAt: Date | null;
  /** The threshold that the daemons judge by; null before the first beat. */
  readonly stuckAfterMs: number | null;
  readonly stormHeldSince: Date | null;
  /** Unobserved time since then, which counts towards no hold. */
  readonly stormUnobservedMs: number;
  readonly stormReleasedAt: Date | null;
  /** `calm`: what is left is marked as ever; otherwise STORM_MAX_HOLD has passed. */
  readonly stormReleasedWhy: string | null;
}

/** One row. */
export function vitalsStatement({ sweeperState, sweeperThreshold, gaps }: SweeperTables): Statement<Vitals> {
  return new Statement(
    `
SELECT ${instant('clock_timestamp()')} AS "now", ${instant('s.swept_at')} AS "sweptAt", ${instant('s.beat_at')} AS "beatAt",
  ${wholeNumber('greatest(t.stuck_after_ms, s.stuck_after_ms)')} AS "stuckAfterMs",
  ${instant('s.storm_held_since')} AS "stormHeldSince", ${instant('s.storm_released_at')} AS "stormReleasedAt",
  s.storm_released_why AS "stormReleasedWhy",
  (SELECT ${wholeNumber('coalesce(1000 * sum(extract(epoch FROM g.gap_end - greatest(g.gap_start, s.storm_held_since))), 0)')}
   FROM ${gaps} g WHERE g.gap_end > s.storm_held_since) AS "stormUnobservedMs"
FROM ${sweeperState} s LEFT JOIN ${sweeperThreshold} t ON t.singleton WHERE s.singleton`,
    ['now', 'sweptAt', 'beatAt', 'stormHeldSince', 'stormReleasedAt'],
  );
}
