/**
 * SQL over a delegation `d`: its silence by the clock, for what is shown. The sweep judges by observed time; see
 * src/sweeper/pass/rules.ts.
 */

/** When it was last heard: silence counts from the end of a wait at the earliest. NULL: never. */
export const heard = 'greatest(d.last_heartbeat, d.waiting_until)';

/** It is waiting: its silence is allowed. */
export function isWaiting(now: string): string {
  return `coalesce(d.waiting_until > ${now}, false)`;
}

/**
 * Its threshold: its own, or the one in force ($stuckAfterMs). After its own was lowered, the longer one until it has been
 * heard.
 */
export const allowedMs = `greatest(coalesce(d.stuck_after_ms, $stuckAfterMs),
      CASE WHEN d.last_heartbeat <= d.lowered_at THEN d.lowered_from_ms END)::float8`;
