import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { gapKinds, STEP_MIN_US } from '../../horizon.ts';
import { isPresent } from '../../present-daemons.ts';
import type { SweeperTables } from '../../tables.ts';
import { UNDATED } from '../../threshold/statements/date-lowering.ts';

/** The clock was set back when it is behind the last beat, which any daemon left, by more than this. */
const STEP_MIN = `interval '${STEP_MIN_US} microseconds'`;

/** A daemon finds its own row for so long: daemons' rows are kept for a day. One that is missing says nothing after that. */
const OWN_ROW_EXPECTED_FOR = '12 hours';

/**
 * Leaves a beat, records the gap since the one before, and reads the thresholds of all daemons.
 *
 * The beat takes the path of a heartbeat: an UPDATE of `delegations` that no row matches, since an id has at least one
 * character. It needs the same lock and the same right, so it waits or fails where a heartbeat would; the clock is read
 * after it. Time in which no agent could be heard therefore has no beat.
 *
 * A clock that was set back is recorded in the same statement, which also takes the lease from the sweep under way: whoever
 * judges after it knows of it, also when nothing else can be recorded any more. In the time in between agents' stamps may
 * have been of any instant, so that silence counts anew from here.
 *
 * In the model: beat.
 *
 * LIMIT: these tables are too small to be analyzed. Without it the row counts that the planner assumes multiply until it
 * compiles the statement (jit_above_cost), which cost the server 0.4 s per beat.
 */
export function beatStatement(tables: SweeperTables) {
  const { delegations, sweeperState, gaps, daemons, sweeperThreshold, lowerings } = tables;
  return statement({
    parameters: {
      daemonId: parameter.text,
      stuckAfterMs: parameter.wholeNumber,
      gapAfterMs: parameter.number,
      lastLeft: nullable(parameter.micros),
      /** A clock that is behind this was set back; null: not known. */
      setBackBefore: nullable(parameter.micros),
      /** This process has seen it set back, and has not recorded that. */
      sawSetBack: parameter.boolean,
    },
    columns: {
      nowUs: column.micros('current.now'),
      beatAtUs: nullable(column.micros('current.beat_at')),
      wasSetBack: column.boolean('EXISTS (SELECT FROM set_back)'),
      gapStartUs: nullable(column.micros('gap.gap_start')),
      gapEndUs: nullable(column.micros('gap.gap_end')),
      gapKind: nullable(column.oneOf(gapKinds, 'gap.kind')),
      inForceMs: nullable(column.wholeNumber('t.stuck_after_ms')),
      shownMs: nullable(column.wholeNumber('current.stuck_after_ms')),
      longestMs: column.wholeNumber(`greatest($stuckAfterMs, (SELECT max(d.stuck_after_ms) FROM ${daemons} d
    WHERE d.daemon_id <> $daemonId AND ${isPresent('current.now')}))`),
      /** A lowering has no instant yet. */
      hasUndated: column.boolean(`EXISTS (SELECT FROM ${lowerings} WHERE lowered_at = ${UNDATED})`),
    },
    sql: (columns) => `
WITH heartbeat AS (UPDATE ${delegations} SET last_heartbeat = clock_timestamp() WHERE delegation_id = ''),
before AS MATERIALIZED (SELECT beat_at, stuck_after_ms FROM ${sweeperState} WHERE singleton LIMIT 1 FOR UPDATE),
-- After the lock: of two daemons that come back at once, one records the gap and the other finds it closed.
current AS MATERIALIZED (SELECT beat_at, stuck_after_ms, clock_timestamp() AS now FROM before),
-- This daemon's last beat was committed and is not there: the database is a copy of an earlier one. Where no daemon has
-- ever left a beat, the ledger is newly installed.
rewound AS MATERIALIZED (
  SELECT coalesce(own.beat_at, least(current.beat_at, $lastLeft)) AS since, current.now
  FROM current LEFT JOIN ${daemons} own ON own.daemon_id = $daemonId
  WHERE current.now > $lastLeft AND current.beat_at IS NOT NULL AND (own.beat_at < $lastLeft
    OR (own.beat_at IS NULL AND current.now < $lastLeft + interval '${OWN_ROW_EXPECTED_FOR}'))),
epoch AS (UPDATE ${sweeperThreshold} SET epoch = gen_random_uuid()::text FROM rewound WHERE singleton),
gap AS (
  INSERT INTO ${gaps} (gap_start, gap_end, kind)
  SELECT since, now, 'rewound' FROM rewound
  UNION ALL
  SELECT beat_at, now, 'unwatched' FROM current
  WHERE beat_at < now - $gapAfterMs * interval '1 millisecond' AND NOT EXISTS (SELECT FROM rewound)
  RETURNING gap_start, gap_end, kind),
set_back AS MATERIALIZED (
  SELECT now FROM current WHERE $sawSetBack OR now < $setBackBefore OR now < beat_at - ${STEP_MIN}),
-- Not up to now, where the other gap ends.
counts_anew AS (
  INSERT INTO ${gaps} (gap_start, gap_end, kind)
  SELECT now - interval '2 microseconds', now - interval '1 microsecond', 'rewound' FROM set_back
  ON CONFLICT DO NOTHING),
-- swept_at lies ahead when the clock was set back since; a sweep of the future must not count as one of today.
kept AS (
  UPDATE ${sweeperState} s SET beat_at = now, swept_at = CASE WHEN s.swept_at > now THEN now ELSE s.swept_at END,
    sweep_id = CASE WHEN NOT EXISTS (SELECT FROM set_back) THEN s.sweep_id END
  FROM current WHERE singleton),
present AS (
  INSERT INTO ${daemons} (daemon_id, stuck_after_ms, beat_at) SELECT $daemonId, $stuckAfterMs, now FROM current
  ON CONFLICT (daemon_id) DO UPDATE SET stuck_after_ms = excluded.stuck_after_ms, beat_at = excluded.beat_at)
SELECT ${columns}
FROM current LEFT JOIN gap ON true LEFT JOIN (SELECT stuck_after_ms FROM ${sweeperThreshold} WHERE singleton LIMIT 1) t ON true`,
  });
}
