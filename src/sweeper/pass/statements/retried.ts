import { retriableStatuses } from '../../../ledger/functions/retry.ts';
import { hasLateResult } from '../../../ledger/late-result.ts';
import type { SweeperTables } from '../../tables.ts';
import type { Rule } from '../rules.ts';

/** The delay before the second attempt, at most. It doubles with each further one. */
const FIRST_DELAY_MS = 30_000;
const DELAY_MAX_MS = 3_600_000;

/**
 * SQL: how long the next attempt after `d` should wait. Between half of the delay and all of it, by the id: retries of what
 * went silent together do not start together, and the same delegation always has the same one.
 */
const delayMs = `(least(${FIRST_DELAY_MS} * 2.0 ^ least(d.attempt - 1, 20), ${DELAY_MAX_MS})
    * (0.5 + (hashtextextended(d.delegation_id, d.attempt) & 65535) / 131072.0))::float8`;

/**
 * Whether a sweep tries again what this rule marks: work that an agent left, not work that nobody did in time.
 * `retriesMax`: how often the same work is tried again. Attempt 1 is the first, so the last that is followed by another
 * has this number.
 */
export function retries({ to }: Rule, retriesMax: number): boolean {
  return retriesMax > 0 && to === 'stuck' && retriableStatuses.includes(to);
}

/**
 * SQL, over the delegation `d` that a statement has just marked: tries it again, and gives the id of the new delegation.
 * NULL where there were retries enough, or where a result of it came late.
 */
export function retryOf({ functions }: SweeperTables, retriesMax: number): string {
  return `CASE WHEN d.attempt <= ${retriesMax} THEN (
      SELECT r.delegation_id FROM ${functions.retry}(d.delegation_id, actor => 'sweeper', start_after_ms => ${delayMs},
        unless_late_result => true) r
      WHERE r.outcome = 'inserted') END`;
}

/** SQL: a sweep that marks the delegation `d` would try it again. OFFSET keeps the planner from a join. */
export function mayBeRetried({ activityLogs, delegations }: SweeperTables, retriesMax: number): string {
  return `d.attempt <= ${retriesMax}
  AND NOT ${hasLateResult(activityLogs, 'd.delegation_id')}
  AND NOT EXISTS (SELECT FROM ${delegations} r WHERE r.retry_of = d.delegation_id OFFSET 0)`;
}
