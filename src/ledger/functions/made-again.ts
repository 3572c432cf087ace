import { endedAt, errorDetail, lastRecorded } from './told.ts';

/** Unless another delegation has it by now, since the row was lost. */
const unlessTaken = (value: string, taken: string) =>
  `CASE WHEN NOT EXISTS (SELECT FROM delegations x WHERE ${taken}) THEN ${value} END`;

/**
 * PL/pgSQL of delegation_reconcile: makes the row of the delegation `id` again, as its activity has it (told.ts). An agent
 * in progress is taken to have been heard now: its heartbeats are lost, and it has the whole threshold to be heard.
 * FOUND is false where another session has made the row meanwhile.
 */
export const makeAgain = `
    INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, deadline, idempotency_key,
      stuck_after_ms, stalled_after_ms, traceparent, retry_of, attempt, start_after, last_heartbeat, finished_at,
      error_detail, result_preview, waiting_since, waiting_until, waiting_reason, created_at, updated_at, revision)
    SELECT id, b."callerId", b."calleeId", coalesce(b."taskPreview", ''), told.to_status,
      ${lastRecorded('deadline', 'timestamptz')},
      ${unlessTaken('b."idempotencyKey"', `x.caller_id = b."callerId" AND x.idempotency_key = b."idempotencyKey"`)},
      ${lastRecorded('stuckAfterMs', 'bigint')}, ${lastRecorded('stalledAfterMs', 'bigint')}, b.traceparent,
      ${unlessTaken(`begun.detail ->> 'retryOf'`, `x.retry_of = begun.detail ->> 'retryOf'`)},
      coalesce((begun.detail ->> 'attempt')::integer, 1), (begun.detail ->> 'startAfter')::timestamptz,
      CASE WHEN told.to_status = 'in_progress' THEN at END, ${endedAt},
      ${errorDetail}, told.detail ->> 'resultPreview',
      (wait ->> 'since')::timestamptz, (wait ->> 'until')::timestamptz, wait ->> 'reason', begun.created_at, at, 1
    FROM jsonb_to_record(begun.detail -> 'delegation') AS b ("callerId" text, "calleeId" text, "taskPreview" text,
      "idempotencyKey" text, traceparent text)
    ON CONFLICT DO NOTHING;`;
