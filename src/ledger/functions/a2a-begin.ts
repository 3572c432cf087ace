import { isOneOf } from '../../db/literal.ts';
import { terminalStatuses } from '../transitions.ts';
import { recordTask, taskChecks, taskParameters, taskTypes } from './a2a-mapping.ts';
import { insertChecks } from './insert.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

/**
 * The delegation of an A2A task, on the side of the agent that does it: the one that its store follows already, or the one
 * with the caller's key (the caller's own, where both use this ledger), or a new one. Where the key's delegation is another
 * task, or had ended before it was one (a message that was sent twice), a new one without a key.
 */
export const a2aBeginFunction: SchemaFunction = {
  name: 'delegation_a2a_begin',
  parameters: `id text, caller text, callee text, preview text, idempotency_key text, deadline_ms float8,
  stuck_after_ms bigint, stalled_after_ms bigint, request_body jsonb, traceparent text, ${taskParameters},
  OUT outcome text, OUT delegation_id text, OUT status text`,
  types: `text, text, text, text, text, float8, bigint, bigint, jsonb, text, ${taskTypes}`,
  declare: `
  deadline timestamptz;
  is_this_task boolean;`,
  body: `${refuse([...insertChecks, ...taskChecks])}
  SELECT 'found', d.delegation_id, d.status
  INTO outcome, delegation_a2a_begin.delegation_id, delegation_a2a_begin.status
  FROM a2a_tasks t JOIN delegations d ON d.delegation_id = t.delegation_id
  WHERE t.agent_url = delegation_a2a_begin.agent_url AND t.tenant = coalesce(delegation_a2a_begin.tenant, '')
    AND t.task_id = delegation_a2a_begin.task_id AND t.user_name IS NOT DISTINCT FROM delegation_a2a_begin.user_name
    AND t.store_state IS NOT NULL
  ORDER BY t.created_at LIMIT 1;
  IF FOUND THEN
    RETURN;
  END IF;
  SELECT i.outcome, i.delegation_id, i.status
  INTO outcome, delegation_a2a_begin.delegation_id, delegation_a2a_begin.status
  FROM delegation_insert(id, caller, callee, preview, delegation_a2a_begin.idempotency_key, NULL,
    delegation_a2a_begin.stuck_after_ms, delegation_a2a_begin.stalled_after_ms, delegation_a2a_begin.request_body,
    delegation_a2a_begin.deadline_ms, delegation_a2a_begin.traceparent) i;
  IF outcome = 'duplicate' THEN
    SELECT t.task_id = delegation_a2a_begin.task_id AND t.tenant = coalesce(delegation_a2a_begin.tenant, '')
    INTO is_this_task FROM a2a_tasks t WHERE t.delegation_id = delegation_a2a_begin.delegation_id;
  END IF;
  IF outcome = 'duplicate'
    AND NOT coalesce(is_this_task, NOT ${isOneOf('delegation_a2a_begin.status', terminalStatuses)})
  THEN
    SELECT i.outcome, i.delegation_id, i.status
    INTO outcome, delegation_a2a_begin.delegation_id, delegation_a2a_begin.status
    FROM delegation_insert(id, caller, callee, preview, NULL, NULL, delegation_a2a_begin.stuck_after_ms,
      delegation_a2a_begin.stalled_after_ms, delegation_a2a_begin.request_body, delegation_a2a_begin.deadline_ms,
      delegation_a2a_begin.traceparent) i;
  END IF;${recordTask('delegation_a2a_begin', 'delegation_a2a_begin.delegation_id')}`,
};
