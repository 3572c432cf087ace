import { isOneOf, literal } from '../../db/literal.ts';
import { WAIT_MAX_MS } from '../limits.ts';
import { type Status, sourcesOf, terminalStatuses } from '../transitions.ts';
import { recordTask, taskChecks, taskParameters, taskTypes } from './a2a-mapping.ts';
import { cutPreview, durationCheck, idChecks, listed, minIntervalCheck, noteCheck } from './checks.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

const steps = ['dispatched', 'in_progress', 'waiting', 'completed', 'failed', 'alive', 'recorded'] as const;

const isFrom = (to: Status) => isOneOf('delegation_a2a_observe.status', sourcesOf(to));

/** PL/pgSQL: the row is locked, so nothing refuses it. */
const move = (to: Status) => `
    PERFORM delegation_set_status(id, ${literal(to)}, actor => delegation_a2a_observe.actor);
    outcome := 'changed';
    delegation_a2a_observe.status := ${literal(to)};`;

/**
 * What one sight of an A2A task says of its delegation, and which task it is, in one call: a wait ends, the status moves
 * forward, by way of in_progress where it must, or the agent is alive. An open state never takes a status back. It ends a wait
 * of the same actor, or one that the actor has seen as well (knows_wait).
 */
export const a2aObserveFunction: SchemaFunction = {
  name: 'delegation_a2a_observe',
  parameters: `id text, step text, error_detail text DEFAULT NULL, result_preview text DEFAULT NULL,
  response_body jsonb DEFAULT NULL, reason text DEFAULT NULL, wait_ms float8 DEFAULT NULL, progress text DEFAULT NULL,
  min_interval_ms bigint DEFAULT 0, actor text DEFAULT 'a2a', ${taskParameters},
  knows_wait boolean DEFAULT false,
  OUT outcome text, OUT status text, OUT late_result boolean, OUT stuck_after_ms bigint, OUT epoch text`,
  types: `text, text, text, text, jsonb, text, float8, text, bigint, text, ${taskTypes}, boolean`,
  declare: `
  is_waiting boolean;
  held_reason text;
  held text;`,
  body: `${refuse([
    ...idChecks('id'),
    [`(${isOneOf('step', steps)}) IS NOT TRUE`, `'step must be one of ' || ${listed(steps)}`],
    ...idChecks('actor'),
    minIntervalCheck(),
    noteCheck('progress', { mayBeNull: true }),
    noteCheck('reason', { mayBeNull: true }),
    durationCheck('wait_ms', WAIT_MAX_MS),
    [`step = 'waiting' AND num_nulls(reason, wait_ms) > 0`, `'reason and wait_ms go with waiting'`],
    ...taskChecks,
  ])}
  late_result := false;
  SELECT d.status, d.waiting_until IS NOT NULL, coalesce(d.stuck_after_ms, s.stuck_after_ms), s.epoch
  INTO delegation_a2a_observe.status, is_waiting, delegation_a2a_observe.stuck_after_ms, delegation_a2a_observe.epoch
  FROM delegations d LEFT JOIN sweeper_threshold s ON s.singleton WHERE d.delegation_id = id;
  IF delegation_a2a_observe.status IS NOT NULL AND agent_url IS NOT NULL AND task_id IS NOT NULL THEN${recordTask('delegation_a2a_observe', 'id')}
  END IF;
  outcome := 'unchanged';
  IF step IN ('completed', 'failed') THEN
    SELECT d.status, CASE WHEN step = 'completed' THEN d.result_preview ELSE d.error_detail END
    INTO delegation_a2a_observe.status, held FROM delegations d WHERE d.delegation_id = id FOR NO KEY UPDATE;
    IF step = 'completed' AND delegation_a2a_observe.status = 'queued' THEN
      PERFORM delegation_set_status(id, 'in_progress', actor => delegation_a2a_observe.actor);
    END IF;
    -- Caller and agent see the same end, in bodies of another shape, which are no other result.
    IF delegation_a2a_observe.status = step AND held IS NOT DISTINCT FROM (
      CASE WHEN step = 'completed' THEN ${cutPreview('result_preview')} ELSE ${cutPreview('error_detail')} END) THEN
      response_body := NULL;
    END IF;
    SELECT s.outcome, CASE WHEN s.outcome = 'changed' THEN s.to_status ELSE s.from_status END, s.late_result
    INTO outcome, delegation_a2a_observe.status, late_result
    FROM delegation_set_status(id, step, delegation_a2a_observe.error_detail, delegation_a2a_observe.result_preview,
      delegation_a2a_observe.response_body, delegation_a2a_observe.actor) s;
    RETURN;
  END IF;
  IF delegation_a2a_observe.status IS NULL THEN
    outcome := 'missing';
    RETURN;
  END IF;
  IF step = 'recorded' THEN
    RETURN;
  END IF;
  IF is_waiting OR step = 'waiting' OR step <> 'alive' AND ${isOneOf('delegation_a2a_observe.status', sourcesOf('in_progress'))} THEN
    SELECT d.status, d.waiting_until IS NOT NULL, d.waiting_reason
    INTO delegation_a2a_observe.status, is_waiting, held_reason
    FROM delegations d WHERE d.delegation_id = id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      outcome := 'missing';
      RETURN;
    END IF;
    IF step = 'dispatched' AND ${isFrom('dispatched')} THEN${move('dispatched')}
    ELSIF step IN ('in_progress', 'waiting') AND ${isFrom('in_progress')} THEN${move('in_progress')}
      is_waiting := false;
    END IF;
    IF step = 'waiting' AND NOT ${isOneOf('delegation_a2a_observe.status', terminalStatuses)} THEN
      IF NOT is_waiting OR held_reason <> reason THEN
        PERFORM delegation_wait(id, NULL, reason, delegation_a2a_observe.actor, wait_ms);
        outcome := 'changed';
      END IF;
      RETURN;
    END IF;
    -- Caller and agent may see one task, each in its own time. What one of them saw late must not end a wait that the other
    -- recorded meanwhile.
    IF is_waiting AND NOT ${isOneOf('delegation_a2a_observe.status', terminalStatuses)}
      AND (knows_wait OR delegation_a2a_observe.actor = (SELECT a.actor FROM activity_logs a
        WHERE a.delegation_id = id AND a.event = 'delegation.waiting' ORDER BY a.activity_id DESC LIMIT 1)) THEN
      PERFORM delegation_resume(id, delegation_a2a_observe.actor);
      outcome := 'changed';
    END IF;
  END IF;
  IF ${isOneOf('delegation_a2a_observe.status', terminalStatuses)} THEN
    outcome := 'refused';
    RETURN;
  END IF;
  -- A status or a wait that ended was a sign of life as well, but for the progress.
  IF outcome = 'unchanged' OR progress IS NOT NULL THEN
    SELECT h.status INTO delegation_a2a_observe.status
    FROM delegation_heartbeat(id, min_interval_ms => delegation_a2a_observe.min_interval_ms,
      progress => delegation_a2a_observe.progress) h;
  END IF;
  IF ${isOneOf('delegation_a2a_observe.status', terminalStatuses)} THEN
    outcome := 'refused';
  END IF;`,
};
