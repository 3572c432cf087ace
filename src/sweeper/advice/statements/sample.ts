import { isOneOf } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { isPresent } from '../../../ledger/functions/beat.ts';
import { sourcesOf } from '../../../ledger/transitions.ts';
import { isInProgress } from '../../in-progress.ts';
import { microsOf } from '../../instant.ts';
import { gapsColumn } from '../../observed-time/statements/gaps.ts';
import type { SweeperTables } from '../../tables.ts';
import type { ChangedRow, EnteredRow } from '../sample.ts';

/** Activities that one reading looks at, the newest: about a third of them are entries to in_progress. */
const ACTIVITIES_MAX = 600;

/** SQL: the state of a delegation `d`. */
const sight = `json_build_object('status', d.status, 'stampUs', ${microsOf('d.last_heartbeat')},
    'waitingSinceUs', ${microsOf('d.waiting_since')}, 'waitingUntilUs', ${microsOf('d.waiting_until')},
    'finishedUs', ${microsOf('d.finished_at')})`;

/**
 * Reads what is followed and which delegations have entered since, by their keys: one probe of an index for each. Of the
 * daemons present one samples, the one whose id comes first: two could follow the same delegation and count it twice.
 */
export function sampleStatement(tables: SweeperTables) {
  const { delegations, activityLogs, daemons, sweeperState } = tables;
  return statement({
    parameters: {
      daemonId: parameter.text,
      /** Activities after this one are looked at; null: none. */
      after: nullable(parameter.wholeNumber),
      ids: parameter.texts,
      /** The last_heartbeat of each, as it is known. */
      stampsUs: parameter.numbers,
    },
    columns: {
      nowUs: column.micros('clock.now'),
      isSampler: column.boolean('clock.is_sampler'),
      beatAtUs: nullable(column.micros('s.beat_at')),
      gaps: gapsColumn(tables),
      lastId: nullable(column.wholeNumber(`(SELECT max(activity_id) FROM ${activityLogs})`)),
      activities: column.wholeNumber('(SELECT count(*) FROM activities)'),
      changed: column.json<readonly ChangedRow[]>(`coalesce((
    SELECT json_agg(json_build_object('delegationId', f.id, 'sight', CASE WHEN d.delegation_id IS NOT NULL THEN ${sight} END))
    FROM ROWS FROM (unnest($ids), unnest($stampsUs)) f (id, stamp_us)
    LEFT JOIN LATERAL (SELECT * FROM ${delegations} d WHERE d.delegation_id = f.id LIMIT 1) d ON true
    WHERE clock.is_sampler AND (d.delegation_id IS NULL OR NOT ${isInProgress} OR d.waiting_since IS NOT NULL
      OR ${microsOf('d.last_heartbeat')} <> f.stamp_us)), '[]')`),
      entered: column.json<readonly EnteredRow[]>(`coalesce((
    SELECT json_agg(json_build_object('delegationId', d.delegation_id, 'calleeId', d.callee_id, 'ownMs', d.stuck_after_ms,
      'enteredUs', ${microsOf('a.created_at')}, 'sight', ${sight}))
    FROM activities a
    CROSS JOIN LATERAL (SELECT * FROM ${delegations} d WHERE d.delegation_id = a.delegation_id LIMIT 1) d
    WHERE ${isOneOf('a.to_status', sourcesOf('stuck'))}), '[]')`),
    },
    sql: (columns) => `
WITH clock AS MATERIALIZED (
  SELECT now, ($daemonId = (SELECT min(d.daemon_id) FROM ${daemons} d WHERE ${isPresent('now')})) IS TRUE AS is_sampler
  FROM (SELECT clock_timestamp() AS now) c),
activities AS MATERIALIZED (
  SELECT a.activity_id, a.delegation_id, a.to_status, a.created_at FROM ${activityLogs} a
  WHERE (SELECT is_sampler FROM clock) AND a.activity_id > $after
  ORDER BY a.activity_id DESC LIMIT ${ACTIVITIES_MAX})
SELECT ${columns}
-- LIMIT: tables that were never analyzed seem large, and the costs are multiplied until the statement is compiled (jit_above_cost).
FROM clock, (SELECT beat_at FROM ${sweeperState} WHERE singleton LIMIT 1) s`,
  });
}
