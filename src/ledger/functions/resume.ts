import { idChecks } from './checks.ts';
import { lockOpen } from './lock-open.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

/**
 * Ends the wait; a sign of life. The guard takes the unused part of the wait off the deadline. Whoever is heard after a
 * threshold was lowered is judged by the lower one, so the answer names the one in force after the stamp. In the model: resume, end_wait.
 */
export const resumeFunction: SchemaFunction = {
  name: 'delegation_resume',
  parameters: `id text, actor text DEFAULT 'ledger', OUT outcome text, OUT status text, OUT waiting_until timestamptz,
  OUT stuck_after_ms bigint`,
  types: 'text, text',
  declare: `
  at timestamptz;
  since timestamptz;
  held_until timestamptz;
  held_reason text;
  moved_deadline timestamptz;`,
  body: `${refuse([...idChecks('id'), ...idChecks('actor')])}${lockOpen('delegation_resume', { waiting_since: 'since', waiting_until: 'held_until', waiting_reason: 'held_reason' })}
  IF held_until IS NULL THEN
    outcome := 'unchanged';
    RETURN;
  END IF;
  at := clock_timestamp();
  UPDATE delegations d SET waiting_since = NULL, waiting_until = NULL, waiting_reason = NULL, updated_at = at,
    last_heartbeat = greatest(d.last_heartbeat, at)
  WHERE d.delegation_id = id RETURNING d.deadline, d.stuck_after_ms INTO moved_deadline, delegation_resume.stuck_after_ms;
  IF stuck_after_ms IS NULL THEN
    SELECT s.stuck_after_ms INTO delegation_resume.stuck_after_ms FROM sweeper_threshold s WHERE s.singleton;
  END IF;
  INSERT INTO activity_logs (delegation_id, event, from_status, actor, detail)
  VALUES (id, 'delegation.resumed', delegation_resume.status, delegation_resume.actor, jsonb_build_object('at', at,
    'since', since, 'until', held_until, 'reason', held_reason, 'deadline', moved_deadline));
  outcome := 'resumed';`,
};
