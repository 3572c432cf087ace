import { randomUUID } from 'node:crypto';
import type { Queryable } from './wait-for.ts';

/** A delegation in progress that waits, or has thresholds of its own. Seconds ago, unless it is said otherwise. */
export interface SpecialShape {
  readonly delegationId?: string;
  readonly calleeId?: string;
  readonly silentSeconds?: number;
  readonly stuckAfterMs?: number | null;
  readonly stalledAfterMs?: number | null;
  /** Since when lack of progress counts, where it reported none. Default: as long as it is silent. */
  readonly enteredSeconds?: number;
  readonly progressSeconds?: number | null;
  /** How long the wait goes on; negative: it has passed so long ago. */
  readonly waitingForSeconds?: number | null;
  readonly deadlineSeconds?: number;
}

/** Inserts it with its history; the database's guard derives its suspect_at. Returns its id. */
export async function seedSpecial(database: Queryable, shape: SpecialShape): Promise<string> {
  const { delegationId = randomUUID(), calleeId = 'callee', silentSeconds = 0, deadlineSeconds = 3600 } = shape;
  const { stuckAfterMs = null, stalledAfterMs = null, enteredSeconds = silentSeconds } = shape;
  const { progressSeconds = null, waitingForSeconds = null } = shape;
  await database.query(
    `WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now), row AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, revision, last_heartbeat,
         deadline, stuck_after_ms, stalled_after_ms, stalled_from, progress, progress_at, waiting_since, waiting_until, waiting_reason)
       SELECT $1, 'caller', $2, 'task', 'in_progress', 1, now - $3::float8 * s, now + $4::float8 * s, $5, $6::bigint,
         CASE WHEN $6::bigint IS NOT NULL THEN now - $7::float8 * s END,
         CASE WHEN $8::float8 IS NOT NULL THEN 'step' END, now - $8::float8 * s,
         CASE WHEN $9::float8 IS NOT NULL THEN least(now, now + $9::float8 * s) - interval '1 hour' END, now + $9::float8 * s,
         CASE WHEN $9::float8 IS NOT NULL THEN 'a person' END
       FROM clock, (VALUES (interval '1 second')) unit (s)
       RETURNING delegation_id)
     INSERT INTO activity_logs (delegation_id, event, to_status, actor)
     SELECT delegation_id, 'delegation.in_progress', 'in_progress', 'test' FROM row`,
    [
      delegationId,
      calleeId,
      silentSeconds,
      deadlineSeconds,
      stuckAfterMs,
      stalledAfterMs,
      enteredSeconds,
      progressSeconds,
      waitingForSeconds,
    ],
  );
  return delegationId;
}
