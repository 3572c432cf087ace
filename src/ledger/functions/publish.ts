import { isOneOf, literal } from '../../db/literal.ts';
import { eventTypeOf, SWEEP_KEY } from '../../events/event-types.ts';
import { statuses } from '../transitions.ts';
import { encodedBytes } from './encoded-bytes.ts';
import { eventJson } from './event-json.ts';
import type { SchemaFunction } from './schema-function.ts';

const UNRESERVED = `'^[A-Za-z0-9._~-]*$'`;

/** SQL: a text as one segment of a URI's path. */
function percentEncoded(text: string): string {
  return encodedBytes(text, { plain: UNRESERVED, byte: `'%' || upper(lpad(to_hex(b.n), 2, '0'))` });
}

/** The source of the ledger's events, a URI reference that names its database and schema. */
export const eventSourceFunction: SchemaFunction = {
  name: 'delegation_event_source',
  parameters: '',
  types: '',
  returns: 'text',
  isStable: true,
  keepsSystemPath: true,
  runsAnywhere: true,
  body: `
  place := (parse_ident(place))[1];
  RETURN '/delegation-sweeper/' || ${percentEncoded('current_database()::text')} || '/' || ${percentEncoded('place')};`,
};

/** SQL over an activity `a` and its delegation `d`: nothing that an agent wrote. */
const data = `jsonb_strip_nulls(jsonb_build_object('callerId', d.caller_id, 'calleeId', d.callee_id,
        'fromStatus', a.from_status, 'attempted', CASE WHEN ${isOneOf(`a.detail ->> 'attempted'`, statuses)}
          THEN a.detail ->> 'attempted' END, 'attempt', d.attempt, 'retryOf', d.retry_of, 'retriedAs', (
          SELECT r.delegation_id FROM SCHEMA.delegations r WHERE r.retry_of = d.delegation_id LIMIT 1)))`;

/**
 * SQL over a row `a` that is visible: this transaction, or a subtransaction of it, has written it. Then its xid is not below
 * `own` and is in progress; that of another transaction is not, once its row is visible. `own`: this transaction's xid, with
 * its epoch.
 */
const ahead = `((a.xmin::text::bigint - own.xid) & 4294967295)`;
const isOwn = `(CASE WHEN ${ahead} < 2147483648
        THEN pg_xact_status((own.xid + ${ahead})::text::xid8) = 'in progress' ELSE false END)`;

const event = eventJson({
  type: literal(eventTypeOf('delegation.late_result')),
  id: 'a.activity_id::text',
  source: '(SELECT SCHEMA.delegation_event_source())',
  time: 'a.created_at',
  subject: 'a.delegation_id',
  traceparent: 'd.traceparent',
  data,
});

const failed = `
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'delegation-sweeper: an event was not published: %', SQLERRM;
  RETURN jsonb_build_array(jsonb_build_object('code', SQLSTATE, 'message', SQLERRM));`;

/**
 * Publishes the late results that this transaction recorded, for whoever subscribes. SECURITY DEFINER, since agents have no
 * rights on pg-boss's schema. It tells what is in the activity: whoever may write there may have such an event published.
 * Never fails: returns what could not be published, and why; NULL where all was.
 */
export const publishFunction: SchemaFunction = {
  name: 'delegation_publish',
  parameters: 'activities bigint[]',
  types: 'bigint[]',
  returns: 'jsonb',
  isDefiner: true,
  keepsSystemPath: true,
  runsAnywhere: true,
  declare: `
  keys text[];
  events jsonb[];
  refused jsonb;`,
  body: `
  EXECUTE replace($q$
    SELECT array_agg(a.delegation_id ORDER BY a.activity_id), array_agg(${event} ORDER BY a.activity_id)
    FROM (SELECT pg_current_xact_id()::text::bigint AS xid) own, SCHEMA.activity_logs a
      JOIN SCHEMA.delegations d ON d.delegation_id = a.delegation_id
    WHERE a.activity_id = ANY($1) AND a.event = 'delegation.late_result' AND ${isOwn}$q$, 'SCHEMA', place)
  INTO keys, events USING activities;
  IF keys IS NOT NULL THEN
    EXECUTE format('SELECT %s.delegation_enqueue($1, $2, $3)', place) INTO refused
    USING ${literal(eventTypeOf('delegation.late_result'))}, keys, events;
  END IF;
  RETURN refused;${failed}`,
};

/** The same for the event of a hold, which has no activity. Its caller needs the rights of a sweeper. */
export const publishHoldFunction: SchemaFunction = {
  name: 'delegation_publish_hold',
  parameters: 'event text, id text, data jsonb',
  types: 'text, text, jsonb',
  returns: 'jsonb',
  keepsSystemPath: true,
  runsAnywhere: true,
  declare: `
  refused jsonb;`,
  body: `
  EXECUTE replace($q$
    SELECT SCHEMA.delegation_enqueue($1, ARRAY[${literal(SWEEP_KEY)}], ARRAY[${eventJson({
      type: '$1',
      id: '$2',
      source: 'SCHEMA.delegation_event_source()',
      time: 'clock_timestamp()',
      data: 'jsonb_strip_nulls($3)',
    })}]) WHERE SCHEMA.delegation_is_subscribed($1)$q$, 'SCHEMA', place) INTO refused USING event, id, data;
  RETURN refused;${failed}`,
};

/**
 * PL/pgSQL: tells whoever subscribes of the late result with the activity `recorded`. The result is kept whatever becomes of
 * that: a role may lack the right to call what publishes. Results are seldom late, so the subtransaction costs no other call
 * anything.
 */
export const publishLateResult = `
      BEGIN
        IF delegation_is_subscribed(${literal(eventTypeOf('delegation.late_result'))}) THEN
          PERFORM delegation_publish(ARRAY[recorded]);
        END IF;
      EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'delegation-sweeper: a late result was recorded, and not published: %', SQLERRM;
      END;`;
