/** The types of events that the ledger publishes, each with the version of its data. */
export const eventTypes = [
  'delegation.stuck.v1',
  'delegation.failed.v1',
  'delegation.late_result.v1',
  'sweep.held.v1',
  'sweep.released.v1',
] as const;

export type EventType = (typeof eventTypes)[number];

/** Of events about the sweep as a whole, the key by which a queue keeps their order; of others it is the delegation's id. */
export const SWEEP_KEY = 'sweep';

/** The type of the event of an activity such as `delegation.stuck`. */
export function eventTypeOf(activity: 'delegation.stuck' | 'delegation.failed' | 'delegation.late_result'): EventType {
  return `${activity}.v1`;
}
