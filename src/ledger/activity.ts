import { type Status, statuses } from './transitions.ts';

/** An attempt that could not be a transition; its status is in detail. */
export const attemptEvents = ['delegation.late_result', 'delegation.orphan_update'] as const;

/** The activities that are no transitions: their toStatus is null. */
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
  /** `ledger`, `sweeper`, or what the caller named. */
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
