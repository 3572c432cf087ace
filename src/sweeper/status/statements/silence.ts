import { isNotWaiting, ownThresholdMs } from '../../pass/due-at.ts';

/**
 * SQL over a delegation `d`: its silence by the clock, for what is shown. The sweep judges by observed time; see
 * src/sweeper/pass/due-at.ts, from where the rest comes.
 */

/** It is waiting: its silence is allowed. */
export function isWaiting(now: string): string {
  return `(NOT ${isNotWaiting(now)})`;
}

/** Its threshold: its own, or the one in force ($stuckAfterMs). */
export const allowedMs = `${ownThresholdMs('$stuckAfterMs')}::float8`;
