import { literal } from '../../db/literal.ts';
import type { JobInsertion } from '../../events/job-insertion.ts';
import type { SchemaFunction } from './schema-function.ts';

/** An agent's result waits for a table of pg-boss that is being changed no longer than this. */
const LOCK_TIMEOUT_MS = '1000';

/** SQL that names no queue of its own is not a statement about one queue. */
function checked(insertion: JobInsertion): JobInsertion {
  for (const sql of [insertion.insert, insertion.insertAndNotify]) {
    if (!sql.includes(literal(insertion.queueName)) || sql.includes('$$')) {
      throw new Error('pg-boss inserts jobs in a way that is not known');
    }
  }
  return insertion;
}

/**
 * The functions that know pg-boss: `migrate up` makes them for PGBOSS_SCHEMA and for the release of pg-boss that it installs.
 * Without pg-boss nobody subscribes; migrations/0012_events.ts makes them so.
 */
export function enqueueFunctions(insertion: JobInsertion): readonly SchemaFunction[] {
  const { schema, insert, insertAndNotify, queueName } = checked(insertion);
  return [
    {
      name: 'delegation_is_subscribed',
      parameters: 'event text',
      types: 'text',
      returns: 'boolean',
      isDefiner: true,
      isStable: true,
      keepsSystemPath: true,
      settings: { lock_timeout: LOCK_TIMEOUT_MS },
      body: `
  RETURN EXISTS (SELECT FROM ${schema}.subscription s WHERE s.event = delegation_is_subscribed.event);
EXCEPTION
  WHEN undefined_table OR invalid_schema_name THEN
    RETURN false;
  WHEN OTHERS THEN
    -- Not known: whoever publishes gets the error, and says so.
    RETURN true;`,
    },
    {
      name: 'delegation_enqueue',
      parameters: 'event text, keys text[], events jsonb[]',
      types: 'text, text[], jsonb[]',
      returns: 'jsonb',
      keepsSystemPath: true,
      settings: { lock_timeout: LOCK_TIMEOUT_MS, jit: 'off' },
      declare: `
  subscriber text;
  wakes boolean;
  refused jsonb := '[]';`,
      body: `
  FOR subscriber IN
    SELECT s.name FROM ${schema}.subscription s WHERE s.event = delegation_enqueue.event ORDER BY s.name
  LOOP
    -- A queue that refuses an event stops neither the transaction nor the other queues.
    BEGIN
      -- Whoever deletes the queue or its dead letter queue now waits for this transaction. Otherwise pg-boss's deferred
      -- foreign keys would fail its COMMIT.
      PERFORM FROM ${schema}.queue q
      WHERE q.name IN (subscriber, (SELECT o.dead_letter FROM ${schema}.queue o WHERE o.name = subscriber))
      ORDER BY q.name FOR KEY SHARE;
      SELECT q.notify INTO wakes FROM ${schema}.queue q WHERE q.name = subscriber;
      IF FOUND THEN
        EXECUTE replace(CASE WHEN wakes THEN ${literal(insertAndNotify)} ELSE ${literal(insert)} END,
          ${literal(literal(queueName))}, quote_literal(subscriber)) USING keys, events;
      END IF;
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'delegation-sweeper: % % were not published to the queue %: %', cardinality(keys),
        delegation_enqueue.event, subscriber, SQLERRM;
      refused := refused || jsonb_build_object('queue', subscriber, 'code', SQLSTATE, 'message', SQLERRM);
    END;
  END LOOP;
  RETURN nullif(refused, '[]');`,
    },
  ];
}
