import { type Status, statuses } from './transitions.ts';

/** Events of attempts that the row could not take; the attempted status is in `detail`. */
export const attemptEvents = ['delegation.late_result', 'delegation.orphan_update'] as const;

/** Events of activities that are not transitions; their toStatus is null. */
export const otherEvents = [
  ...attemptEvents,
  'delegation.waiting',
  'delegation.resumed',
  'delegation.adjusted',
  'delegation.probed',
  'delegation.healed',
] as const;

export type ActivityEvent = `delegation.${Status}` | (typeof otherEvents)[number];

export const activityEvents: readonly ActivityEvent[] = [
  ...statuses.map((status) => `delegation.${status}` as const),
  ...otherEvents,
];

/** One row of the append-only stream. Ids grow in the order of a delegation's transitions. */
export interface Activity {
  readonly activityId: number;
  readonly delegationId: string;
  readonly event: ActivityEvent;
  readonly fromStatus: Status | null;
  readonly toStatus: Status | null;
  /** `ledger`, `sweeper`, the name given by the caller, or the database role of a client that used plain SQL. */
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly requestBody: unknown;
  readonly responseBody: unknown;
  readonly createdAt: Date;
}

/** The status that follows from a delegation's activity; null before its first transition. */
export function replay(history: readonly Pick<Activity, 'toStatus'>[]): Status | null {
  return history.reduce<Status | null>((status, { toStatus }) => toStatus ?? status, null);
}

/** A wait as recorded in the activity. */
export interface ReplayedWait {
  readonly since: Date;
  readonly until: Date;
  readonly reason: string;
}

/**
 * The wait of a delegation according to its activity; null when it does not wait. A resume or a change of status ends a
 * wait. One whose end has passed is still returned, since no activity has ended it.
 */
export function replayWait(history: readonly Pick<Activity, 'event' | 'toStatus' | 'detail'>[]): ReplayedWait | null {
  return history.reduce<ReplayedWait | null>((wait, { event, toStatus, detail }) => {
    if (toStatus !== null || event === 'delegation.resumed') return null;
    if (event !== 'delegation.waiting') return wait;
    const { since, until, reason } = detail;
    return { since: new Date(String(since)), until: new Date(String(until)), reason: String(reason) };
  }, null);
}
