import { literal } from '../../db/literal.ts';
import { SWEEP_KEY } from '../../events/event-types.ts';
import { eventJson, eventSource } from './event-json.ts';
import type { SchemaFunction } from './schema-function.ts';

/** The events of activities that are published. */
const published = ['delegation.stuck', 'delegation.failed', 'delegation.late_result'] as const;

const instantOf = (name: string) => `(a.detail ->> '${name}')::timestamptz`;

/** SQL over an activity `a` and its delegation `d`: the evidence, and nothing that an agent wrote. */
const evidence = `json_build_object('sweepId', a.detail ->> 'sweepId', 'callerId', d.caller_id, 'calleeId', d.callee_id,
        'rule', CASE WHEN a.to_status IS NOT NULL THEN coalesce(a.detail ->> 'rule', 'answered') END,
        'fromStatus', a.from_status, 'toStatus', a.to_status, 'attempted', a.detail ->> 'attempted',
        'lastHeartbeat', ${instantOf('lastHeartbeat')}, 'silentMs', a.detail -> 'silentMs',
        'stuckAfterMs', a.detail -> 'stuckAfterMs', 'stalledAfterMs', a.detail -> 'stalledAfterMs',
        'progressAt', ${instantOf('progressAt')}, 'deadline', ${instantOf('deadline')}, 'overdueMs', a.detail -> 'overdueMs',
        'attempt', d.attempt, 'retryOf', d.retry_of, 'retriedAs', CASE
          WHEN a.to_status IS NOT NULL THEN a.detail ->> 'retriedAs'
          ELSE (SELECT r.delegation_id FROM SCHEMA.delegations r WHERE r.retry_of = d.delegation_id LIMIT 1) END,
        'probe', a.detail -> 'probe')`;

const event = eventJson(
  {
    id: 'a.activity_id::text',
    type: `a.event || '.v1'`,
    time: 'a.created_at',
    subject: 'a.delegation_id',
    traceparent: 'd.traceparent',
    data: evidence,
  },
  '$2',
);

/**
 * Publishes the events of activities of this transaction, for whoever subscribes to them. SECURITY DEFINER, since agents,
 * whose late results are published, have no rights on pg-boss's schema; it tells what happened in this ledger, and nothing
 * that its caller could make up. Never fails: returns what could not be published, and why; NULL where all was.
 */
export const publishFunction: SchemaFunction = {
  name: 'delegation_publish',
  parameters: 'activities bigint[]',
  types: 'bigint[]',
  returns: 'json',
  isDefiner: true,
  keepsSystemPath: true,
  // Instants in JSON are those of UTC. Without sequential scans a plan may seem so expensive that it would be compiled.
  settings: { TimeZone: 'UTC', jit: 'off' },
  declare: `
  type text;
  jobs json;
  part json;
  refused jsonb := '[]';`,
  body: `
  FOR type, jobs IN EXECUTE replace($q$
    SELECT a.event || '.v1', json_agg(json_build_object('singletonKey', a.delegation_id, 'data', ${event})
      ORDER BY a.activity_id)
    FROM SCHEMA.activity_logs a JOIN SCHEMA.delegations d ON d.delegation_id = a.delegation_id
    WHERE a.activity_id = ANY($1) AND a.event IN (${published.map(literal).join(', ')}) AND age(a.xmin) <= 0
      AND (a.to_status IS NULL OR a.actor = 'sweeper')
    GROUP BY a.event$q$, 'SCHEMA', place) USING activities, ${eventSource('place')}
  LOOP
    EXECUTE format('SELECT %s.delegation_enqueue($1, $2)', place) INTO part USING type, jobs;
    refused := refused || coalesce(part::jsonb, '[]');
  END LOOP;
  RETURN nullif(refused, '[]');
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'delegation-sweeper: events were not published: %', SQLERRM;
  RETURN json_build_array(json_build_object('code', SQLSTATE, 'message', SQLERRM));`,
};

/** The same for the event of a hold, which has no activity. Its caller needs the rights of a sweeper. */
export const publishHoldFunction: SchemaFunction = {
  name: 'delegation_publish_hold',
  parameters: 'type text, id text, data json',
  types: 'text, text, json',
  returns: 'json',
  settings: { TimeZone: 'UTC' },
  keepsSystemPath: true,
  declare: `
  refused json;`,
  body: `
  EXECUTE format('SELECT %1$s.delegation_enqueue($1, $2) WHERE %1$s.delegation_is_subscribed($1)', place) INTO refused
  USING type, json_build_array(json_build_object('singletonKey', ${literal(SWEEP_KEY)}, 'data', ${eventJson(
    { id: 'id', type: 'type', time: 'clock_timestamp()', data: 'data' },
    eventSource('place'),
  )}));
  RETURN refused;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'delegation-sweeper: the event % was not published: %', type, SQLERRM;
  RETURN json_build_array(json_build_object('code', SQLSTATE, 'message', SQLERRM));`,
};
