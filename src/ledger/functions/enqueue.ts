import { literal } from '../../db/literal.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import type { JobInsertion } from '../../events/job-insertion.ts';
import { WEBHOOK_QUEUES } from '../../events/webhook-queue-names.ts';
import { encodedBytes } from './encoded-bytes.ts';
import type { SchemaFunction } from './schema-function.ts';

/** For a table or a queue that somebody changes, an agent's result waits about this long, all its subscribers together. */
const LOCK_TIMEOUT_MS = 200;

/** After that the other queues take the event where nobody has locked them. 0 would be no limit. */
const LOCK_TIMEOUT_AFTER_ONE_MS = 1;

/**
 * PL/pgSQL: waits for a lock no longer than that, nor longer than the caller does, whose limit is in `limit_before`. Not a setting
 * of the function: inside it the caller's limit could not be seen. To be called in a block, whose error undoes it.
 */
const limitWaits = `
    IF limit_before::interval NOT BETWEEN '1 ms' AND '${LOCK_TIMEOUT_MS} ms' THEN
      PERFORM set_config('lock_timeout', '${LOCK_TIMEOUT_MS}', true);
    END IF;`;
const waitAsBefore = `PERFORM set_config('lock_timeout', limit_before, true);`;
const limitBefore = `
  limit_before text := current_setting('lock_timeout');`;

/** SQL: what the names of the queues of the ledger in the schema `place` end with, as ledgerQueue has it. */
const ownSuffix = `CASE WHEN place = 'public' THEN '' ELSE '.' || ${encodedBytes('place', {
  plain: `'^[A-Za-z0-9_-]*$'`,
  byte: `'/' || lpad(to_hex(b.n), 2, '0')`,
})} END`;

const webhookQueue = literal(WEBHOOK_QUEUES);

/** A setting of the transaction: how many events it has published. A savepoint that is rolled back takes its events and this back. */
const PUBLISHED = literal('delegation_sweeper.published');

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
  // Another ledger's webhook would only drop the event.
  const ofSubscribers = (name: string) => `FROM ${schema}.subscription s
      WHERE s.event = ${name}.event AND coalesce(substring(s.name FROM ${webhookQueue}) = own.own_suffix, true)`;
  return [
    {
      name: 'delegation_is_subscribed',
      parameters: 'event text',
      types: 'text',
      returns: 'boolean',
      isDefiner: true,
      isStable: true,
      keepsSystemPath: true,
      runsAnywhere: true,
      declare: `${limitBefore}
  own_suffix text;
  is_there boolean;`,
      body: `${limitWaits}
  is_there := EXISTS (SELECT FROM ${schema}.subscription s WHERE s.event = delegation_is_subscribed.event);
  IF is_there THEN
    place := (parse_ident(place))[1];
    own_suffix := ${ownSuffix};
    is_there := EXISTS (SELECT ${ofSubscribers('delegation_is_subscribed')});
  END IF;
  ${waitAsBefore}
  RETURN is_there;
EXCEPTION
  WHEN undefined_table OR invalid_schema_name THEN
    RETURN false;
  WHEN OTHERS THEN
    -- Not known: delegation_enqueue meets the same error, and returns it.
    RETURN true;`,
    },
    {
      name: 'delegation_enqueue',
      parameters: 'event text, keys text[], events jsonb[]',
      types: 'text, text[], jsonb[]',
      returns: 'jsonb',
      keepsSystemPath: true,
      runsAnywhere: true,
      settings: { jit: 'off' },
      declare: `${limitBefore}
  subscriber text;
  own_suffix text;
  wakes boolean;
  published bigint;
  refused jsonb := '[]';`,
      // Never fails: it is called by the statement that marks.
      body: `
  BEGIN${limitWaits}
    place := (parse_ident(place))[1];
    own_suffix := ${ownSuffix};
    published := coalesce(substring(current_setting(${PUBLISHED}, true) FROM '^[0-9]{1,8}$')::bigint, 0);
    PERFORM set_config(${PUBLISHED}, (published + cardinality(keys))::text, true);
    FOR subscriber IN
      SELECT s.name ${ofSubscribers('delegation_enqueue')} ORDER BY s.name
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
            ${literal(literal(queueName))}, quote_literal(subscriber)) USING keys, events, published;
        END IF;
      EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'delegation-sweeper: % % were not published to the queue %: %', cardinality(keys),
          delegation_enqueue.event, subscriber, SQLERRM;
        refused := refused || jsonb_build_object('queue', subscriber, 'code', SQLSTATE, 'message', SQLERRM);
        IF SQLSTATE = ${literal(sqlstate.lockNotAvailable)} THEN
          PERFORM set_config('lock_timeout', '${LOCK_TIMEOUT_AFTER_ONE_MS}', true);
        END IF;
      END;
    END LOOP;
    ${waitAsBefore}
  EXCEPTION WHEN OTHERS THEN
    -- Who subscribes could not be read. What was published until then is undone.
    RAISE WARNING 'delegation-sweeper: % % were not published: %', cardinality(keys), delegation_enqueue.event, SQLERRM;
    RETURN jsonb_build_array(jsonb_build_object('code', SQLSTATE, 'message', SQLERRM));
  END;
  RETURN nullif(refused, '[]');`,
    },
  ];
}
