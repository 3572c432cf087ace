import type { GapKind } from '../horizon.ts';
import type { IsoInstant } from '../instant.ts';
import type { RuleName } from '../pass/rules.ts';

/** How a sweep judges an open delegation at this instant, with the arithmetic. */
export interface Verdict {
  /** The rule that it matches; null: none. */
  readonly rule: RuleName | null;
  /** When each rule comes to match if nothing is heard, the first one first. Those that are not listed cannot match. */
  readonly due: readonly DueRule[];
  /** Null as long as silence does not count: it is not in progress. */
  readonly silence: Silence | null;
  /** Null: none was asked of it. */
  readonly progress: ProgressArithmetic | null;
  /** Null: it does not wait. */
  readonly waiting: Waiting | null;
  readonly deadline: DeadlineArithmetic;
  /** The database refused its mark; null: it did not. */
  readonly poisoned: Poisoned | null;
  /** Another session has locked its row, so that no sweep can take it; null: none has. */
  readonly lockedBy: LockingSession | null;
}

export interface DueRule {
  readonly rule: RuleName;
  readonly at: IsoInstant;
  readonly isPassed: boolean;
}

/** By what a delegation was last heard. */
export type HeardBy = 'entry' | 'heartbeat' | 'resume' | 'end_of_wait';

export interface Silence {
  /** When it was last heard. `end_of_wait`: a wait passed without a resume, or will. */
  readonly heardAt: IsoInstant;
  readonly heardBy: HeardBy;
  /** Since then by the clock; 0 where it is still to come. */
  readonly wallMs: number;
  /** Time since then that does not count, oldest first. */
  readonly notCounted: readonly NotCounted[];
  /** What counts: the rest. */
  readonly observedMs: number;
  readonly threshold: Threshold;
}

export interface NotCounted {
  readonly start: IsoInstant;
  readonly end: IsoInstant;
  /** Why. `rewound`: the database or its clock went back at its end, and nothing from before counts. */
  readonly kind: GapKind;
  /** No daemon's beat has ended it yet. */
  readonly isOpen: boolean;
  /** Milliseconds of it since the delegation was last heard. */
  readonly ms: number;
}

/**
 * Where a threshold comes from. `own`: the delegation's. `stuck_after`: STUCK_AFTER, on which the daemons agreed.
 * `own_lowered` and `stuck_after_lowered`: it was lowered, and the one of before counts until the agent was heard since; the
 * first daemon on a ledger counts as a lowering from ten minutes. `configuration`: STUCK_AFTER of whoever explains, as no
 * daemon has run yet.
 */
export type ThresholdSource = 'own' | 'own_lowered' | 'stuck_after' | 'stuck_after_lowered' | 'configuration';

export interface Threshold {
  readonly ms: number;
  readonly source: ThresholdSource;
  /** When it was lowered, and to what; null where it was not. */
  readonly lowered: { readonly at: IsoInstant; readonly toMs: number } | null;
}

export interface ProgressArithmetic {
  /** What its agent said last; null: nothing yet. */
  readonly text: string | null;
  readonly at: IsoInstant | null;
  /** Since when lack of progress counts. */
  readonly countsFrom: IsoInstant;
  /** Observed time without progress. */
  readonly observedMs: number;
  readonly stalledAfterMs: number;
}

export interface Waiting {
  readonly since: IsoInstant;
  readonly until: IsoInstant;
  readonly reason: string;
  /** It has passed without a resume: silence counts from its end. */
  readonly isOver: boolean;
}

export interface DeadlineArithmetic {
  readonly at: IsoInstant;
  /** By how much the clock was set forward since the delegation was made: it counts as so much later. */
  readonly jumpedMs: number;
  /** Until it passes; negative: since it has. */
  readonly leftMs: number;
}

export interface Poisoned {
  /** When the log last said so, with the database's error: event sweep.poisoned. */
  readonly loggedAt: IsoInstant;
}

/** Null where this role may not see it. */
export interface LockingSession {
  readonly pid: number | null;
  readonly user: string | null;
  readonly applicationName: string | null;
  readonly state: string | null;
  readonly transactionAgeMs: number | null;
}
