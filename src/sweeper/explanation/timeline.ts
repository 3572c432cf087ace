import type { ActivityEvent } from '../../ledger/activity.ts';
import type { Status } from '../../ledger/transitions.ts';
import type { IsoInstant } from '../instant.ts';

/** A delegation's activity, oldest first: the first entries and the last ones of a long one. */
export interface Timeline {
  readonly first: readonly TimelineEntry[];
  /** Entries between `first` and `last` that are left out. */
  readonly leftOut: number;
  /** `leftOut` was counted no further: there are at least so many. */
  readonly leftOutIsCapped: boolean;
  /** Empty where `first` has all of them. */
  readonly last: readonly TimelineEntry[];
}

export interface TimelineEntry {
  readonly activityId: number;
  readonly at: IsoInstant;
  /** Since the entry before it, also where that is left out; null for the first. */
  readonly sinceBeforeMs: number | null;
  readonly event: ActivityEvent;
  readonly fromStatus: Status | null;
  readonly toStatus: Status | null;
  readonly actor: string;
  /**
   * The evidence, as it was recorded, without previews unless these were asked for. Null where it is larger than 16 KiB,
   * which only a client that writes the table directly makes.
   */
  readonly detail: Readonly<Record<string, unknown>> | null;
  /** Whether the whole request or response was recorded with it. */
  readonly hasRequestBody: boolean;
  readonly hasResponseBody: boolean;
}
