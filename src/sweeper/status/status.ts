import type { OperatorHold } from '../hold/operator-hold.ts';
import type { Day } from './day.ts';
import type { LastSweep } from './last-sweep.ts';

/** Whether sweeps happen in time. */
export interface Punctuality {
  readonly now: Date;
  /** The last successful sweep, by any replica. */
  readonly sweptAt: Date | null;
  readonly nextAt: Date;
  /** The last successful sweep should not be older than this: the third latest occurrence of the schedule. */
  readonly dueSince: Date;
}

export interface Storm {
  /** `held`: nothing is marked stuck. `released`: the hold ran out, and a twentieth of the silent is marked per sweep. */
  readonly state: 'calm' | 'held' | 'released';
  readonly since: Date | null;
  /** When the hold runs out. */
  readonly until: Date | null;
}

/** What keeps the rules stale and stalled from being applied. */
export interface Hold {
  /** Where both hold: the operator. */
  readonly by: 'storm' | 'operator';
  /** What the operator gave; null for the storm guard. */
  readonly reason: string | null;
  readonly since: Date;
  readonly until: Date;
  /** The operator, and the database role; null for the storm guard. */
  readonly madeBy: string | null;
  readonly madeRole: string | null;
}

export interface Oldest {
  /**
   * The silence, by the clock, of the delegation in progress that is closest to its threshold or furthest past it. Waiting
   * ones are left out; null when there is none.
   */
  readonly silenceMs: number | null;
  /** That delegation's threshold: its own, or the one in force. */
  readonly allowedMs: number | null;
  /** How long the most overdue open delegation has been overdue; 0 when none is. */
  readonly overdueMs: number;
}

/** What an operator asks first. Instants are the database's clock. */
export interface Status extends Punctuality {
  /** This host's clock minus the database's. */
  readonly skewMs: number;
  readonly beatAt: Date | null;
  readonly stuckAfterMs: number;
  readonly storm: Storm;
  /** Null: nothing is held. */
  readonly hold: Hold | null;
  /** The latest holds of operators, ten at most, newest first; the one in force among them. */
  readonly operatorHolds: readonly OperatorHold[];
  readonly lastSweep: LastSweep | null;
  /** The last 24 hours. */
  readonly day: Day & { readonly falsePositiveRatio: number | null };
  readonly oldest: Oldest;
}
