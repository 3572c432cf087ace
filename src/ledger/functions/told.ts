import { isOneOf, literal } from '../../db/literal.ts';
import { terminalStatuses } from '../transitions.ts';

/**
 * PL/pgSQL and SQL of delegation_reconcile: what the activity of the delegation `id` says of its row. It is about the
 * current life of the id, which may be used again once its delegation was deleted: from the activity `begun` on. `told` is
 * its last transition.
 */

/** Reads `begun` and `told`, whose columns are NULL where the activity holds no transition. */
export const readLife = `
    SELECT a.activity_id, a.detail, a.created_at INTO begun FROM activity_logs a
    WHERE a.delegation_id = id AND a.to_status IS NOT NULL AND a.from_status IS NULL ORDER BY a.activity_id DESC LIMIT 1;
    SELECT a.activity_id, a.to_status, a.detail, a.created_at INTO told FROM activity_logs a
    WHERE a.delegation_id = id AND a.to_status IS NOT NULL ORDER BY a.activity_id DESC LIMIT 1;`;

/** The activities `a` of this life. */
export const isOfThisLife = 'a.delegation_id = id AND a.activity_id >= coalesce(begun.activity_id, 0)';

/**
 * The value that was last recorded under this name: by what changed it, or at the beginning. A change names the new value
 * alone, or the old one and the new one.
 */
export function lastRecorded(name: string, type: string): string {
  const key = literal(name);
  return `(SELECT (CASE WHEN jsonb_typeof(c.detail -> ${key}) = 'object' THEN c.detail #>> '{${name},to}'
        ELSE c.detail ->> ${key} END)::${type}
      FROM (
        SELECT a.activity_id, a.detail FROM activity_logs a
        WHERE ${isOfThisLife} AND a.detail ? ${key}
          AND a.event IN ('delegation.waiting', 'delegation.resumed', 'delegation.adjusted')
        UNION ALL SELECT begun.activity_id, begun.detail -> 'delegation') c
      ORDER BY c.activity_id DESC LIMIT 1)`;
}

/** Reads into `wait` the detail of the wait that no later activity has ended; NULL where there is none. */
export const readWait = `
    SELECT CASE WHEN a.event = 'delegation.waiting' THEN a.detail END INTO wait FROM activity_logs a
    WHERE ${isOfThisLife} AND (a.to_status IS NOT NULL OR a.event IN ('delegation.waiting', 'delegation.resumed'))
    ORDER BY a.activity_id DESC LIMIT 1;`;

/** When the row ended. An activity that was added afterwards names the instant. NULL while it is open. */
export const endedAt = `CASE WHEN ${isOneOf('told.to_status', terminalStatuses)}
      THEN coalesce((told.detail ->> 'finishedAt')::timestamptz, told.created_at) END`;

/** The row's error detail. Of a mark of the sweep, the activity holds the figures. */
export const errorDetail = `coalesce(told.detail ->> 'errorDetail', CASE told.detail ->> 'rule'
        WHEN 'overdue' THEN 'deadline exceeded'
        WHEN 'stale' THEN 'no heartbeat for ' || (told.detail ->> 'silentMs')::bigint / 1000 || 's'
        WHEN 'stalled' THEN 'no progress for ' || (told.detail ->> 'silentMs')::bigint / 1000 || 's' END)`;
