import { timestampOf } from '../instant.ts';

/**
 * When a special row comes due, as SQL over a delegation `d` with `ruleParameters`. A row is special while it has a
 * suspect_at: it has thresholds of its own, or it waits. Everything is counted in observed time, for the row's own
 * threshold, from the gaps in the Staleness; the rules compare the result with $now, strictly.
 *
 * The instants are exact for a row that is not due at `until` yet. For one that is, they may be later than they were when
 * it came due, but never later than `until`. In the model: unobserved_since, threshold_of, heard_at, is_silent_special.
 */

const gap = (name: 'startUs' | 'endUs') => timestampOf(`(gap.value ->> '${name}')`);

/** SQL: unobserved time between this instant and `until`. Folded away while a statement is planned, when there is no gap. */
function unobservedSince(instant: string, until: string): string {
  return `CASE WHEN jsonb_array_length($staleness -> 'gaps') = 0 THEN interval '0' ELSE (
      SELECT coalesce(sum(least(${gap('endUs')}, ${until}) - greatest(${gap('startUs')}, ${instant})), interval '0')
      FROM jsonb_array_elements($staleness -> 'gaps') gap
      WHERE ${gap('endUs')} > ${instant} AND ${gap('startUs')} < ${until}) END`;
}

/** SQL: so many milliseconds of observed time after this instant. Nothing from before the database was rewound counts. */
function observedAfter(instant: string, milliseconds: string, until: string): string {
  const trusted = `greatest(${instant}, ${timestampOf(`($staleness ->> 'rewoundUs')`)})`;
  return `(${trusted} + ${milliseconds} * interval '1 millisecond' + ${unobservedSince(trusted, until)})`;
}

/**
 * SQL: the daemons' threshold for this row, in ms. An agent learns it from the answer to its heartbeat, so one that was
 * last heard before it was lowered is judged by the one of before.
 */
const daemonsThresholdMs = `(CASE WHEN jsonb_array_length($staleness -> 'lowerings') = 0 THEN ($staleness ->> 'stuckAfterMs')::float8
      ELSE greatest(($staleness ->> 'stuckAfterMs')::float8, (
        SELECT max((lowering.value ->> 'stuckAfterMs')::float8) FROM jsonb_array_elements($staleness -> 'lowerings') lowering
        WHERE d.last_heartbeat < ${timestampOf(`(lowering.value ->> 'loweredAtUs')`)})) END)`;

/** SQL: the silence that is allowed to the row, in ms: its own, or this one; the longer one until it is heard again. */
export function ownThresholdMs(otherwise: string): string {
  return `greatest(coalesce(d.stuck_after_ms, ${otherwise}),
      CASE WHEN d.lowered_at >= d.last_heartbeat THEN d.lowered_from_ms END)`;
}

/** SQL: the silence that is allowed to the row, in ms: its own, or the daemons'. */
export const thresholdMs = ownThresholdMs(daemonsThresholdMs);

/** SQL: since when its silence counts: from its last heartbeat, or from the end of a wait that passed without a resume. */
export const heardAt = 'greatest(d.last_heartbeat, d.waiting_until)';

/** SQL: since when its lack of progress counts. */
export const progressedAt = 'greatest(d.progress_at, d.stalled_from, d.waiting_until)';

/** SQL: the instant after which the row is silent for too long. */
export function silentAt(until = '$now'): string {
  return observedAfter(heardAt, thresholdMs, until);
}

/** SQL: the instant after which the row is without progress for too long; NULL where it has no `stalled_after_ms`. */
export function stalledAt(until = '$now'): string {
  return observedAfter(progressedAt, 'd.stalled_after_ms', until);
}

/** SQL: the row does not wait. While it does, neither silence nor lack of progress counts. */
export function isNotWaiting(at = '$now'): string {
  return `(d.waiting_until IS NULL OR d.waiting_until <= ${at})`;
}
