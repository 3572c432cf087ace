import { instant, Statement, wholeNumber } from '../../db/statement.ts';
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
  readonly stormReleasedAt: Date | null;
  /** `calm`: what is left is marked as ever; otherwise STORM_MAX_HOLD has passed. */
  readonly stormReleasedWhy: string | null;
}

/** One row. */
export function vitalsStatement({ sweeperState, sweeperThreshold }: SweeperTables): Statement<Vitals> {
  return new Statement(
    `
SELECT ${instant('clock_timestamp()')} AS "now", ${instant('s.swept_at')} AS "sweptAt", ${instant('s.beat_at')} AS "beatAt",
  ${wholeNumber('greatest(t.stuck_after_ms, s.stuck_after_ms)')} AS "stuckAfterMs",
  ${instant('s.storm_held_since')} AS "stormHeldSince", ${instant('s.storm_released_at')} AS "stormReleasedAt",
  s.storm_released_why AS "stormReleasedWhy"
FROM ${sweeperState} s LEFT JOIN ${sweeperThreshold} t ON t.singleton WHERE s.singleton`,
    ['now', 'sweptAt', 'beatAt', 'stormHeldSince', 'stormReleasedAt'],
  );
}
