import { isOneOf } from '../../db/literal.ts';
import { openStatuses } from '../transitions.ts';
import { suspectAt } from './suspect-at.ts';

/** A tenth of the threshold: however long the caller's debounce, ten stamps fit into it. */
const DEBOUNCE_SHARE_OF_THRESHOLD = 10;

/**
 * SQL: nobody has finished the row `d`. Not "finished_at IS NULL": that would let the planner read all of
 * delegations_deadline for one row, whenever it believes that few delegations are open.
 */
export const isOpen = isOneOf('d.status', openStatuses);

/** SQL: the row `d` was stamped so long ago, or lies so far in the future, that a stamp is due. LEAST passes over NULL. */
export function isDue(minIntervalMs: string, inForceMs: string): string {
  return `(d.last_heartbeat IS NULL OR d.last_heartbeat > clock_timestamp()
      OR d.last_heartbeat <= clock_timestamp() - interval '1 millisecond'
        * least(${minIntervalMs}, coalesce(d.stuck_after_ms, ${inForceMs})::float8 / ${DEBOUNCE_SHARE_OF_THRESHOLD}))`;
}

/** SQL: a stamp never goes back, but from the future, by the guard. */
const stamp = 'greatest(d.last_heartbeat, at)';

/** SQL: the row `d` is one that waits or has thresholds of its own; what it was lowered from ends with this heartbeat. */
const staysSpecial = 'num_nonnulls(d.stuck_after_ms, d.stalled_after_ms, d.waiting_until) > 0';

/**
 * SQL: what a heartbeat sets in the row `d`, which is locked, with the clock in `at` and the daemons' threshold in
 * `in_force_ms`. The bound of a special row moves when it would be too late, or is too early by half a threshold: so
 * seldom that most of its heartbeats touch no index. A plain row has none, and never touches one.
 */
export const stampAssignments = `last_heartbeat = ${stamp},
      lowered_from_ms = NULL, lowered_at = NULL,
      suspect_at = CASE WHEN d.suspect_at IS NULL OR NOT ${staysSpecial} THEN NULL
        WHEN d.suspect_at BETWEEN ${bound()} - interval '0.5 millisecond' * coalesce(d.stuck_after_ms, in_force_ms, 1000) AND ${bound()}
          THEN d.suspect_at
        ELSE ${bound()} END`;

function bound(): string {
  return suspectAt({
    lastHeartbeat: stamp,
    waitingUntil: 'd.waiting_until',
    progressAt: 'd.progress_at',
    stalledFrom: 'd.stalled_from',
    stuckAfterMs: 'd.stuck_after_ms',
    stalledAfterMs: 'd.stalled_after_ms',
    inForceMs: 'in_force_ms',
    at: 'at',
  });
}

/** SQL: the same with a text about progress. The guard derives the bound. */
export const progressAssignments = (text: string) => `last_heartbeat = ${stamp}, progress = ${text}, progress_at = at`;
