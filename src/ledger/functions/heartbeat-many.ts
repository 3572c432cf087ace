import { isOneOf } from '../../db/literal.ts';
import { HEARTBEAT_IDS_MAX, NOTE_LENGTH_MAX } from '../limits.ts';
import { terminalStatuses } from '../transitions.ts';
import { minIntervalCheck } from './checks.ts';
import { MIN_INTERVAL_DEFAULT_MS } from './heartbeat.ts';
import { isDue, isOpen, progressAssignments, stampAssignments } from './heartbeat-rules.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

const due = `${isDue('min_interval_ms', 'in_force_ms')}`;

const inForce =
  'SELECT s.stuck_after_ms, s.epoch INTO in_force_ms, found_epoch FROM sweeper_threshold s WHERE s.singleton;';

const lock = (skipping: '' | ' SKIP LOCKED') => `
    SELECT coalesce(array_agg(l.delegation_id), '{}') INTO locked
    FROM (SELECT d.delegation_id FROM delegations d
      WHERE d.delegation_id = ANY(ids) AND ${isOpen}
        AND (${due} OR d.delegation_id IN (SELECT unnest(speaking)))
      ORDER BY d.delegation_id FOR NO KEY UPDATE${skipping}) l;`;

/**
 * Signs of life of many delegations, one row for each different id. Rows are locked in key order before any is written, so
 * two calls that share rows cannot deadlock; of many sessions that wait for one row, the first stamps it. With
 * `skip_locked` it waits for no one: a row that another session has locked is `locked`, as is, rarely, one that became due while the call ran: it was not stamped.
 * `progress` has a text, or NULL, for each id.
 */
export const heartbeatManyFunction: SchemaFunction = {
  name: 'delegation_heartbeat_many',
  parameters: `ids text[], min_interval_ms bigint DEFAULT ${MIN_INTERVAL_DEFAULT_MS}, progress text[] DEFAULT NULL,
  skip_locked boolean DEFAULT false`,
  types: 'text[], bigint, text[], boolean',
  returns: 'TABLE (delegation_id text, outcome text, status text, stuck_after_ms bigint, epoch text)',
  declare: `
  at timestamptz;
  speaking text[] := '{}';
  locked text[];
  in_force_ms bigint;
  found_epoch text;`,
  body: `${refuse([
    [
      `ids IS NULL OR cardinality(ids) > ${HEARTBEAT_IDS_MAX} OR array_position(ids, NULL) IS NOT NULL`,
      `'ids must have at most ${HEARTBEAT_IDS_MAX} ids, and no NULL'`,
    ],
    minIntervalCheck(),
    ['cardinality(progress) <> cardinality(ids)', `'progress must have as many elements as ids'`],
    [
      `EXISTS (SELECT FROM unnest(progress) t (said) WHERE char_length(t.said) NOT BETWEEN 1 AND ${NOTE_LENGTH_MAX})`,
      `'progress must have 1 to ${NOTE_LENGTH_MAX} characters'`,
    ],
  ])}
  ${inForce}
  IF progress IS NOT NULL THEN
    SELECT coalesce(array_agg(DISTINCT t.id), '{}') INTO speaking FROM unnest(ids, progress) t (id, said) WHERE t.said IS NOT NULL;
  END IF;
  IF skip_locked THEN${lock(' SKIP LOCKED')}
  ELSE${lock('')}
  END IF;
  at := clock_timestamp();
  -- Again, since it may have been lowered during a wait for a lock: whoever is heard after that is judged by the lower one.
  ${inForce}
  IF cardinality(speaking) = 0 THEN
    UPDATE delegations d SET ${stampAssignments}
    WHERE d.delegation_id = ANY(locked);
  ELSE
    UPDATE delegations d SET ${stampAssignments}
    WHERE d.delegation_id = ANY(locked) AND d.delegation_id NOT IN (SELECT unnest(speaking));
    UPDATE delegations d SET ${progressAssignments('t.said')}
    FROM (SELECT DISTINCT ON (u.id) u.id, u.said FROM unnest(ids, progress) WITH ORDINALITY u (id, said, place)
      WHERE u.said IS NOT NULL ORDER BY u.id, u.place DESC) t
    WHERE d.delegation_id = t.id AND d.delegation_id = ANY(locked);
  END IF;
  RETURN QUERY
    SELECT a.id, CASE WHEN d.delegation_id IS NULL THEN 'missing'
        WHEN ${isOneOf('d.status', terminalStatuses)} THEN 'terminal'
        WHEN s.id IS NOT NULL THEN 'stamped'
        WHEN ${due} OR a.id IN (SELECT unnest(speaking)) THEN 'locked'
        ELSE 'fresh' END,
      d.status, CASE WHEN d.delegation_id IS NOT NULL THEN coalesce(d.stuck_after_ms, in_force_ms) END, found_epoch
    FROM (SELECT DISTINCT u.id FROM unnest(ids) u (id)) a
    LEFT JOIN delegations d ON d.delegation_id = a.id
    LEFT JOIN unnest(locked) s (id) ON s.id = a.id;`,
};
