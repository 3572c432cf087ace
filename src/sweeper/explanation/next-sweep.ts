import type { CalleeCount } from '../callee-count.ts';
import type { IsoInstant } from '../instant.ts';

/**
 * What a sweep does with an open delegation.
 *
 * - `nothing`: it matches no rule.
 * - `fail`, `mark_stuck`: it is marked. `ask_agent`: its agent is asked first, and it is marked where that does not help.
 * - `hold`: the storm guard or an operator holds the rules that infer silence.
 * - `wait_to_be_heard`: it has no progress, but was not heard since, and is given time to be.
 * - `leave_for_budget`: so many others come before it that it is left for the next one.
 * - `leave_locked`: another session has locked its row. `try_again`: the database refused its mark before.
 * - `refuse`: silence cannot be judged on this ledger: `refusal` says why.
 * - `unknown`: the storm guard could not count in time.
 */
export const sweepActions = [
  'nothing',
  'fail',
  'mark_stuck',
  'ask_agent',
  'hold',
  'wait_to_be_heard',
  'leave_for_budget',
  'leave_locked',
  'try_again',
  'refuse',
  'unknown',
] as const;

export type SweepAction = (typeof sweepActions)[number];

export interface NextSweep {
  /** What a sweep at this instant would do. */
  readonly actionNow: SweepAction;
  /** What the sweep does that is the first to do something, if nothing is heard until then. */
  readonly action: SweepAction;
  /** When that one comes; null: nobody sweeps, or it is not known. */
  readonly at: IsoInstant | null;
  /** `tick`: an occurrence of SWEEP_CRON. `on_time`: the delegation comes due. */
  readonly by: 'tick' | 'on_time';
  /** Where a sweep marks it stuck, that sweep tries it again as well: RETRY_MAX_ATTEMPTS. */
  readonly isRetried: boolean;
  /** The next occurrence of SWEEP_CRON. */
  readonly tickAt: IsoInstant;
  /** Daemons with a recent beat. 0: nobody sweeps. */
  readonly daemons: number;
  /** The last successful sweep, by any of them. */
  readonly sweptAt: IsoInstant | null;
  /** Three ticks have not passed since. */
  readonly isSweeping: boolean;
  /** Matching delegations that come before this one, and how many one sweep takes; null where it matches no rule. */
  readonly budget: { readonly ahead: number; readonly allowed: number } | null;
  readonly storm: ExplainedStorm;
  /** An operator's hold of the rules that infer silence; null: none. */
  readonly hold: ExplainedHold | null;
  readonly refusal: { readonly reason: string; readonly remedy: string } | null;
}

export interface ExplainedStorm {
  /** `held`: nothing is marked stuck. `released`: the hold ran out, and a twentieth of the silent is marked per sweep. */
  readonly state: 'calm' | 'held' | 'released';
  readonly since: IsoInstant | null;
  /** When it lets go at the latest. */
  readonly until: IsoInstant | null;
  /** What the guard counts now; null where this delegation does not need it. */
  readonly signs: StormCounts | null;
}

export interface StormCounts {
  readonly stale: number;
  /** Rows that fell silent together, stale or on their way there. */
  readonly silent: number;
  readonly inFlight: number;
  readonly callees: readonly CalleeCount[];
}

export interface ExplainedHold {
  readonly by: string;
  readonly reason: string;
  readonly since: IsoInstant;
  readonly until: IsoInstant;
}
