import { DEADLINE_DEFAULT_MS } from '../deadline.ts';
import { beginningOf } from './beginning.ts';
import { cutPreviews, deadlineChecks, idChecks, idsAreSuspect, thresholdCheck } from './checks.ts';
import { type Check, refuse, type SchemaFunction } from './schema-function.ts';
import { traceparentCheck } from './traceparent-check.ts';

/** The conflicting row can be deleted before it is read; a few rounds settle it. */
const ROUNDS_MAX = 3;

/** Over the parameters of delegation_insert, or the fields of an element of delegation_insert_many. */
export const insertChecks: readonly Check[] = [
  ...idChecks('id'),
  ...idChecks('caller'),
  ...idChecks('callee'),
  ['preview IS NULL', `'preview must not be NULL'`],
  ...idChecks('idempotency_key', { mayBeNull: true }),
  ...deadlineChecks(),
  thresholdCheck('stuck_after_ms'),
  thresholdCheck('stalled_after_ms'),
  traceparentCheck,
];

/** Holds whenever one of them does. */
export const insertSuspicion = `preview IS NULL OR ${idsAreSuspect('id', 'caller', 'callee')}
    OR num_nonnulls(idempotency_key, deadline, deadline_ms, stuck_after_ms, stalled_after_ms, traceparent) > 0`;

/** Records a new delegation as queued, with its activity. A duplicate names the delegation that has the id or the caller's key. */
export const insertFunction: SchemaFunction = {
  name: 'delegation_insert',
  parameters: `id text, caller text, callee text, preview text, idempotency_key text DEFAULT NULL,
  deadline timestamptz DEFAULT NULL, stuck_after_ms bigint DEFAULT NULL, stalled_after_ms bigint DEFAULT NULL,
  request_body jsonb DEFAULT NULL, deadline_ms float8 DEFAULT NULL, traceparent text DEFAULT NULL,
  OUT outcome text, OUT delegation_id text, OUT status text`,
  types: 'text, text, text, text, text, timestamptz, bigint, bigint, jsonb, float8, text',
  declare: `
  at timestamptz;
  beginning jsonb;`,
  body: `${refuse(insertChecks, insertSuspicion)}${cutPreviews('preview')}
  FOR round IN 1..${ROUNDS_MAX} LOOP
    at := clock_timestamp();
    -- No conflict target: the id and the idempotency key each have a unique index, and either makes it a duplicate.
    INSERT INTO delegations AS d (delegation_id, caller_id, callee_id, task_preview, idempotency_key, deadline,
      stuck_after_ms, stalled_after_ms, traceparent, created_at, updated_at, revision)
    VALUES (id, caller, callee, preview, delegation_insert.idempotency_key,
      coalesce(delegation_insert.deadline, at + coalesce(deadline_ms, ${DEADLINE_DEFAULT_MS}) * interval '1 millisecond'),
      delegation_insert.stuck_after_ms, delegation_insert.stalled_after_ms, delegation_insert.traceparent, at, at, 1)
    ON CONFLICT DO NOTHING
    RETURNING 'inserted', d.delegation_id, d.status, ${beginningOf('d')}
    INTO outcome, delegation_insert.delegation_id, delegation_insert.status, beginning;
    IF FOUND THEN
      INSERT INTO activity_logs (delegation_id, event, to_status, actor, detail, request_body)
      VALUES (id, 'delegation.' || delegation_insert.status, delegation_insert.status, 'ledger', beginning,
        delegation_insert.request_body);
      RETURN;
    END IF;
    -- A separate statement: the winner of a race that ended while the insert waited is invisible to its snapshot.
    SELECT 'duplicate', d.delegation_id, d.status
    INTO outcome, delegation_insert.delegation_id, delegation_insert.status
    FROM delegations d WHERE d.delegation_id = id;
    IF FOUND THEN
      RETURN;
    END IF;
    SELECT 'duplicate', d.delegation_id, d.status
    INTO outcome, delegation_insert.delegation_id, delegation_insert.status
    FROM delegations d WHERE d.caller_id = caller AND d.idempotency_key = delegation_insert.idempotency_key;
    IF FOUND THEN
      RETURN;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'the delegation that holds the id or idempotency key could not be read'
    USING ERRCODE = 'serialization_failure';`,
};
