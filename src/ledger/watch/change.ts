import type { ActivityEvent } from '../activity.ts';
import type { Status } from '../transitions.ts';

/** What a watch tells unless it is asked for other events: ends, late results, and waits. */
export const watchedByDefault = [
  'delegation.completed',
  'delegation.failed',
  'delegation.stuck',
  'delegation.late_result',
  'delegation.waiting',
  'delegation.resumed',
] as const satisfies readonly ActivityEvent[];

/** One activity of a delegation, with the row as it was when that was read. Instants are the database's clock. */
export interface RecordedChange {
  readonly delegationId: string;
  readonly event: ActivityEvent;
  /** Null where the activity is gone, and only the row says that the delegation has ended. */
  readonly activityId: number | null;
  /** As in the activity; `toStatus` is null for what is no transition. */
  readonly fromStatus: Status | null;
  readonly toStatus: Status | null;
  readonly actor: string | null;
  /** Of the activity: a late result has `attempted` and `resultPreview`, a wait `until` and `reason`. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** When it happened. */
  readonly at: Date;
  /** The row, from here on: its status may be a later one than `toStatus`. Null where the row is gone. */
  readonly status: Status | null;
  readonly callerId: string | null;
  readonly calleeId: string | null;
  readonly errorDetail: string | null;
  readonly resultPreview: string | null;
  readonly attempt: number | null;
  readonly retryOf: string | null;
  /** The delegation that tries this one again, if there is one: by `retry`, or by the sweep. */
  readonly retriedAs: string | null;
}

/** The ledger does not hold a delegation that is watched by its id: it was never recorded, or has been removed. */
export interface MissingDelegation {
  readonly delegationId: string;
  readonly event: 'missing';
}

export type DelegationChange = RecordedChange | MissingDelegation;
