import type { Status } from './transitions.ts';

/** A ledger row: the folded current state of one delegation. Instants are the database's clock. */
export interface Delegation {
  readonly delegationId: string;
  readonly callerId: string;
  readonly calleeId: string;
  /** At most 4096 bytes of UTF-8, as the other previews. */
  readonly taskPreview: string;
  readonly status: Status;
  readonly lastHeartbeat: Date | null;
  readonly deadline: Date;
  readonly idempotencyKey: string | null;
  readonly resultPreview: string | null;
  /** Why it failed or is stuck. */
  readonly errorDetail: string | null;
  /** Its own threshold of silence, in milliseconds; null: the daemons' STUCK_AFTER. */
  readonly stuckAfterMs: number | null;
  /** Without progress for longer than this, in milliseconds, it counts as stuck; null: it does not. */
  readonly stalledAfterMs: number | null;
  /** It waits until `waitingUntil` for something outside of its agent; all three null when it does not. */
  readonly waitingSince: Date | null;
  readonly waitingUntil: Date | null;
  readonly waitingReason: string | null;
  /** The progress that its agent last reported, and when. */
  readonly progress: string | null;
  readonly progressAt: Date | null;
  /** The delegation of which this one is a retry. */
  readonly retryOf: string | null;
  /** 1 for the first. */
  readonly attempt: number;
  /** The instant before which this attempt should not be started; null: at once. Nothing enforces it. */
  readonly startAfter: Date | null;
  /** The W3C trace context of the caller. */
  readonly traceparent: string | null;
  /** Set exactly when the status is terminal. */
  readonly finishedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
