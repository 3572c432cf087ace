import { isOneOf, literal } from '../../db/literal.ts';
import { DEADLINE_DEFAULT_MS } from '../deadline.ts';
import { hasLateResult } from '../late-result.ts';
import { DURATION_MAX_MS } from '../limits.ts';
import { type Status, terminalStatuses } from '../transitions.ts';
import { beginningOf } from './beginning.ts';
import { durationCheck, idChecks } from './checks.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

/** The statuses of a delegation that may be tried again. */
export const retriableStatuses: readonly Status[] = terminalStatuses.filter((status) => status !== 'completed');

/** SQL: a UUID of version 7, whose order is that of time, as PostgreSQL 18 makes them itself. */
const newId = `encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
      PLACING substring(int8send(floor(extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid::text`;

/**
 * SQL: how long the delegation waited, in ms, by the activity: each wait lasted until it passed, or until the next wait, the
 * resume or the change of status that ended it.
 */
const waitedMs = `(SELECT coalesce(sum(extract(epoch FROM greatest(least(w.agreed, w.next_at - w.created_at), '0'))) * 1000, 0)::float8
      FROM (
        SELECT l.event, l.created_at, lead(l.created_at) OVER (ORDER BY l.activity_id) AS next_at,
          (l.detail ->> 'until')::timestamptz - (l.detail ->> 'at')::timestamptz AS agreed
        FROM activity_logs l
        WHERE l.delegation_id = id AND (l.to_status IS NOT NULL OR l.event IN ('delegation.waiting', 'delegation.resumed'))) w
      WHERE w.event = 'delegation.waiting')`;

/**
 * A new delegation that tries again what one left undone that failed or is stuck: same caller, callee, task, request,
 * thresholds and trace. Its deadline is as far from its start as the old one's was, without what waits added to that. A
 * delegation is tried again once: the lock on the old row, and a unique index, see to it.
 */
export const retryFunction: SchemaFunction = {
  name: 'delegation_retry',
  parameters: `id text, new_id text DEFAULT NULL, deadline_ms float8 DEFAULT NULL, actor text DEFAULT 'ledger',
  start_after_ms float8 DEFAULT NULL, unless_late_result boolean DEFAULT false,
  OUT outcome text, OUT delegation_id text, OUT attempt integer, OUT status text, OUT late_result boolean`,
  types: 'text, text, float8, text, float8, boolean',
  declare: `
  at timestamptz;
  old_allowed_ms float8;
  old_attempt integer;
  start_after timestamptz;
  beginning jsonb;
  body jsonb;`,
  body: `${refuse([
    ...idChecks('id'),
    ...idChecks('new_id', { mayBeNull: true }),
    durationCheck('deadline_ms', DURATION_MAX_MS),
    durationCheck('start_after_ms', DURATION_MAX_MS),
    ['unless_late_result IS NULL', `'unless_late_result must not be NULL'`],
    ...idChecks('actor'),
  ])}
  SELECT d.status, d.attempt, extract(epoch FROM d.deadline - greatest(d.created_at, d.start_after)) * 1000
  INTO delegation_retry.status, old_attempt, old_allowed_ms
  FROM delegations d WHERE d.delegation_id = id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    outcome := 'missing';
    RETURN;
  END IF;
  late_result := ${hasLateResult('activity_logs', 'id')};
  IF NOT ${isOneOf('delegation_retry.status', retriableStatuses)} THEN
    outcome := 'refused';
    RETURN;
  END IF;
  SELECT 'duplicate', d.delegation_id, d.attempt
  INTO outcome, delegation_retry.delegation_id, delegation_retry.attempt
  FROM delegations d WHERE d.retry_of = id LIMIT 1;
  IF FOUND THEN
    RETURN;
  END IF;
  IF late_result AND unless_late_result THEN
    outcome := 'refused';
    RETURN;
  END IF;
  SELECT a.request_body INTO body FROM activity_logs a
  WHERE a.delegation_id = id AND a.event = ${literal('delegation.queued')} ORDER BY a.activity_id DESC LIMIT 1;
  at := clock_timestamp();
  start_after := at + start_after_ms * interval '1 millisecond';
  IF deadline_ms IS NULL THEN
    BEGIN
      deadline_ms := old_allowed_ms - ${waitedMs};
    EXCEPTION WHEN data_exception THEN
      -- A writer may add a wait whose instants are none.
      deadline_ms := 0;
    END;
    IF NOT deadline_ms BETWEEN 1 AND ${DURATION_MAX_MS} THEN
      deadline_ms := ${DEADLINE_DEFAULT_MS};
    END IF;
  END IF;
  attempt := old_attempt + 1;
  INSERT INTO delegations AS n (delegation_id, caller_id, callee_id, task_preview, deadline, stuck_after_ms,
    stalled_after_ms, traceparent, retry_of, attempt, start_after, created_at, updated_at, revision)
  SELECT coalesce(delegation_retry.new_id, ${newId}), d.caller_id, d.callee_id, d.task_preview,
    coalesce(own.start_after, at) + deadline_ms * interval '1 millisecond', d.stuck_after_ms, d.stalled_after_ms,
    d.traceparent, id, delegation_retry.attempt, own.start_after, at, at, 1
  FROM delegations d WHERE d.delegation_id = id
  ON CONFLICT DO NOTHING
  RETURNING n.delegation_id, ${beginningOf('n')} INTO delegation_retry.delegation_id, beginning;
  IF NOT FOUND THEN
    -- A writer that takes no lock on the old one was first. A separate statement sees what it wrote.
    SELECT 'duplicate', d.delegation_id, d.attempt
    INTO outcome, delegation_retry.delegation_id, delegation_retry.attempt
    FROM delegations d WHERE d.retry_of = id LIMIT 1;
    IF FOUND THEN
      RETURN;
    END IF;
    RAISE EXCEPTION 'new_id belongs to another delegation already' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO activity_logs (delegation_id, event, to_status, actor, request_body, detail)
  VALUES (delegation_retry.delegation_id, ${literal('delegation.queued')}, ${literal('queued')}, delegation_retry.actor, body,
    jsonb_strip_nulls(jsonb_build_object('retryOf', id, 'attempt', attempt, 'startAfter', start_after)) || beginning);
  outcome := 'inserted';`,
};
