import { WAIT_MAX_MS } from '../limits.ts';
import { durationCheck, idChecks, notBothCheck, noteCheck } from './checks.ts';
import { lockOpen } from './lock-open.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

/**
 * The delegation waits for something outside its agent until then: its silence is legitimate, and its deadline stands
 * still, which the guard sees to for any writer. A second wait takes the place of the first. In the model: wait.
 */
export const waitFunction: SchemaFunction = {
  name: 'delegation_wait',
  parameters: `id text, until timestamptz DEFAULT NULL, reason text DEFAULT NULL, actor text DEFAULT 'ledger',
  until_ms float8 DEFAULT NULL, OUT outcome text, OUT status text, OUT waiting_until timestamptz`,
  types: 'text, timestamptz, text, text, float8',
  declare: `
  at timestamptz := clock_timestamp();
  since timestamptz;
  held_until timestamptz;
  held_reason text;
  moved_deadline timestamptz;`,
  body: `${refuse([
    ...idChecks('id'),
    notBothCheck('until', 'until_ms'),
    ['until IS NULL AND until_ms IS NULL', `'until or until_ms must be given'`],
    ['until <= at', `format('until must lie in the future, not at %s', until)`],
    [
      `until > at + ${WAIT_MAX_MS} * interval '1 millisecond'`,
      `format('until must be at most 30 days from now, not at %s', until)`,
    ],
    durationCheck('until_ms', WAIT_MAX_MS),
    noteCheck('reason'),
    ...idChecks('actor'),
  ])}${lockOpen('delegation_wait', { waiting_since: 'since', waiting_until: 'held_until', waiting_reason: 'held_reason' })}
  at := clock_timestamp();
  waiting_until := coalesce(until, at + until_ms * interval '1 millisecond');
  IF waiting_until = held_until AND reason = held_reason THEN
    outcome := 'unchanged';
    RETURN;
  END IF;
  IF since IS NULL OR held_until <= at THEN
    since := at;
  END IF;
  -- It waited for the row's lock until its own wait was over.
  waiting_until := greatest(waiting_until, at + interval '1 microsecond');
  UPDATE delegations d SET waiting_since = since, waiting_until = delegation_wait.waiting_until, waiting_reason = reason,
    updated_at = at
  WHERE d.delegation_id = id RETURNING d.deadline INTO moved_deadline;
  INSERT INTO activity_logs (delegation_id, event, from_status, actor, detail)
  VALUES (id, 'delegation.waiting', delegation_wait.status, delegation_wait.actor, jsonb_build_object('at', at,
    'since', since, 'until', delegation_wait.waiting_until, 'reason', reason, 'deadline', moved_deadline));
  outcome := 'waiting';`,
};
