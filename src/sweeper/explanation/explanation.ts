import type { Status } from '../../ledger/transitions.ts';
import type { IsoInstant } from '../instant.ts';
import type { Ending } from './ending.ts';
import type { ExplainedTask } from './explained-task.ts';
import type { NextSweep } from './next-sweep.ts';
import type { Timeline } from './timeline.ts';
import type { Verdict } from './verdict.ts';

/**
 * Why a delegation is as it is, and what happens to it next: all of it read at one instant. Plain data; `explain --json`
 * prints it as it is.
 */
export interface Explanation {
  readonly now: IsoInstant;
  /** Why, in one sentence. Texts of agents in it have no control characters. */
  readonly why: string;
  /** What happens next, in another one. */
  readonly next: string;
  readonly delegation: ExplainedDelegation;
  /** How a sweep judges it now; null for one that has ended. */
  readonly verdict: Verdict | null;
  /** What the next sweep does with it, and when; null for one that has ended. */
  readonly nextSweep: NextSweep | null;
  /** How it ended, by whom, and what came after; null for one that is open. */
  readonly ending: Ending | null;
  readonly timeline: Timeline;
  /** It has ended, and its activity is gone: a retention removed it (RETENTION_ACTIVITY). */
  readonly activityIsGone: boolean;
  /** The first one first; of a long chain those next to this one. This one alone where nothing was tried again. */
  readonly attempts: readonly ExplainedAttempt[];
  /** Null: it is no A2A task. */
  readonly a2aTask: ExplainedTask | null;
}

/** The row. */
export interface ExplainedDelegation {
  readonly delegationId: string;
  readonly callerId: string;
  readonly calleeId: string;
  readonly status: Status;
  readonly createdAt: IsoInstant;
  readonly updatedAt: IsoInstant;
  readonly finishedAt: IsoInstant | null;
  readonly lastHeartbeat: IsoInstant | null;
  readonly deadline: IsoInstant;
  readonly stuckAfterMs: number | null;
  readonly stalledAfterMs: number | null;
  readonly waitingSince: IsoInstant | null;
  readonly waitingUntil: IsoInstant | null;
  readonly waitingReason: string | null;
  readonly progress: string | null;
  readonly progressAt: IsoInstant | null;
  readonly retryOf: string | null;
  readonly attempt: number;
  /** The instant before which it should not be started; null: at once. */
  readonly startAfter: IsoInstant | null;
  readonly idempotencyKey: string | null;
  readonly traceparent: string | null;
  /** What agents wrote; null unless previews were asked for. */
  readonly previews: Previews | null;
}

/** Each at most 4096 bytes. */
export interface Previews {
  readonly task: string;
  readonly result: string | null;
  readonly errorDetail: string | null;
}

/** One of the attempts at the same work: what was tried, and what tried it again. */
export interface ExplainedAttempt {
  readonly delegationId: string;
  readonly attempt: number;
  /** What it tries again; null for the first. */
  readonly retryOf: string | null;
  /** What it tries again is not in the ledger any more: a retention removed it. */
  readonly retryOfIsGone: boolean;
  readonly status: Status;
  readonly calleeId: string;
  readonly createdAt: IsoInstant;
  readonly finishedAt: IsoInstant | null;
  /** The instant before which it should not be started; null: at once. */
  readonly startAfter: IsoInstant | null;
  /** It is the delegation that is explained. */
  readonly isThis: boolean;
}
