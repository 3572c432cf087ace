import { deadlineChecks, idChecks, thresholdCheck } from './checks.ts';
import { lockOpen } from './lock-open.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

/**
 * Changes the deadline, which moves later only, and the delegation's own thresholds. An argument that is not given
 * changes nothing; the flags remove a threshold. A lowered threshold marks no agent that does not know of it: the guard
 * ensures this.
 */
export const adjustFunction: SchemaFunction = {
  name: 'delegation_adjust',
  parameters: `id text, deadline timestamptz DEFAULT NULL, deadline_ms float8 DEFAULT NULL, stuck_after_ms bigint DEFAULT NULL,
  stalled_after_ms bigint DEFAULT NULL, no_stuck_after boolean DEFAULT false, no_stalled_after boolean DEFAULT false,
  actor text DEFAULT 'ledger', OUT outcome text, OUT status text`,
  types: 'text, timestamptz, float8, bigint, bigint, boolean, boolean, text',
  declare: `
  at timestamptz;
  held_deadline timestamptz;
  held_stuck_after_ms bigint;
  held_stalled_after_ms bigint;
  changed jsonb := '{}';`,
  body: `${refuse([
    ...idChecks('id'),
    ...deadlineChecks(),
    thresholdCheck('stuck_after_ms'),
    thresholdCheck('stalled_after_ms'),
    [
      'stuck_after_ms IS NOT NULL AND no_stuck_after IS NOT FALSE',
      `'stuck_after_ms must not be given together with no_stuck_after'`,
    ],
    [
      'stalled_after_ms IS NOT NULL AND no_stalled_after IS NOT FALSE',
      `'stalled_after_ms must not be given together with no_stalled_after'`,
    ],
    ['num_nulls(no_stuck_after, no_stalled_after) > 0', `'no_stuck_after and no_stalled_after must not be NULL'`],
    ...idChecks('actor'),
  ])}${lockOpen('delegation_adjust', {
    deadline: 'held_deadline',
    stuck_after_ms: 'held_stuck_after_ms',
    stalled_after_ms: 'held_stalled_after_ms',
  })}
  at := clock_timestamp();
  deadline := coalesce(deadline, at + deadline_ms * interval '1 millisecond', held_deadline);
  IF deadline < held_deadline THEN
    outcome := 'refused';
    RETURN;
  END IF;
  stuck_after_ms := CASE WHEN NOT no_stuck_after THEN coalesce(stuck_after_ms, held_stuck_after_ms) END;
  stalled_after_ms := CASE WHEN NOT no_stalled_after THEN coalesce(stalled_after_ms, held_stalled_after_ms) END;
  IF deadline <> held_deadline THEN
    changed := changed || jsonb_build_object('deadline', jsonb_build_object('from', held_deadline, 'to', deadline));
  END IF;
  IF stuck_after_ms IS DISTINCT FROM held_stuck_after_ms THEN
    changed := changed || jsonb_build_object('stuckAfterMs', jsonb_build_object('from', held_stuck_after_ms, 'to', stuck_after_ms));
  END IF;
  IF stalled_after_ms IS DISTINCT FROM held_stalled_after_ms THEN
    changed := changed
      || jsonb_build_object('stalledAfterMs', jsonb_build_object('from', held_stalled_after_ms, 'to', stalled_after_ms));
  END IF;
  IF changed = '{}' THEN
    outcome := 'unchanged';
    RETURN;
  END IF;
  UPDATE delegations d SET deadline = delegation_adjust.deadline, updated_at = at,
    stuck_after_ms = delegation_adjust.stuck_after_ms, stalled_after_ms = delegation_adjust.stalled_after_ms
  WHERE d.delegation_id = id;
  INSERT INTO activity_logs (delegation_id, event, from_status, actor, detail)
  VALUES (id, 'delegation.adjusted', status, delegation_adjust.actor, jsonb_build_object('at', at) || changed);
  outcome := 'adjusted';`,
};
