/** What a beat reads and writes, as SQL names. */
export interface BeatTables {
  readonly delegations: string;
  readonly sweeperState: string;
  readonly sweeperThreshold: string;
  readonly gaps: string;
  readonly daemons: string;
  readonly lowerings: string;
}

/** SQL: what a beat is given. */
export interface BeatValues {
  readonly daemonId: string;
  readonly stuckAfterMs: string;
  /** Longer than this without a beat is a gap, in milliseconds. */
  readonly gapAfterMs: string;
  /** A timestamptz; NULL: the daemon has left none yet. */
  readonly lastLeft: string;
  /** A timestamptz: a clock that is behind it was set back; NULL: not known. */
  readonly setBackBefore: string;
  /** This process has seen it set back, and has not recorded that. */
  readonly sawSetBack: string;
}

/** A smaller difference between clocks is no step: clocks are slewed, and a round trip may be longer one way. */
export const STEP_MIN_US = 1_000_000;
/** The clock was set back when it is behind the last beat, which any daemon left, by more than this. */
const STEP_MIN = `interval '${STEP_MIN_US} microseconds'`;

/** A lowering whose instant is still to be set: later than any heartbeat, so that the longer threshold counts for each row. */
export const UNDATED = `'infinity'`;

/** After so many of its own beat intervals without a beat, a daemon no longer counts as running. */
const INTERVALS_UNTIL_GONE = 6;

/** SQL: the daemon `d` has left a beat lately. */
export function isPresent(nowSql: string): string {
  return `d.beat_at > ${nowSql} - least(10000, d.stuck_after_ms / 10.0) * ${INTERVALS_UNTIL_GONE} * interval '1 millisecond'`;
}

/** A daemon finds its own row for so long: daemons' rows are kept for a day. One that is missing says nothing after that. */
const OWN_ROW_EXPECTED_FOR = '12 hours';

/** SQL: what a beat answers. */
export function beatFields({ daemons, lowerings }: BeatTables, { daemonId, stuckAfterMs }: BeatValues) {
  return {
    nowUs: 'current.now',
    beatAtUs: 'current.beat_at',
    wasSetBack: 'EXISTS (SELECT FROM set_back)',
    gapStartUs: 'gap.gap_start',
    gapEndUs: 'gap.gap_end',
    gapKind: 'gap.kind',
    inForceMs: 't.stuck_after_ms',
    shownMs: 'current.stuck_after_ms',
    longestMs: `greatest(${stuckAfterMs}, (SELECT max(d.stuck_after_ms) FROM ${daemons} d
    WHERE d.daemon_id <> ${daemonId} AND ${isPresent('current.now')}))`,
    /** A lowering has no instant yet. */
    hasUndated: `EXISTS (SELECT FROM ${lowerings} l WHERE l.lowered_at = ${UNDATED})`,
  };
}

/**
 * Leaves a beat, records the gap since the one before, and reads the thresholds of all daemons. `select`: its SELECT list, of
 * `beatFields`.
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
export function beatSql(tables: BeatTables, values: BeatValues, select: string): string {
  const { delegations, sweeperState, gaps, daemons, sweeperThreshold } = tables;
  const { daemonId, stuckAfterMs, gapAfterMs, lastLeft, setBackBefore, sawSetBack } = values;
  return `
WITH heartbeat AS (UPDATE ${delegations} SET last_heartbeat = clock_timestamp() WHERE delegation_id = ''),
before AS MATERIALIZED (SELECT s.beat_at, s.stuck_after_ms FROM ${sweeperState} s WHERE s.singleton LIMIT 1 FOR UPDATE),
-- After the lock: of two daemons that come back at once, one records the gap and the other finds it closed.
current AS MATERIALIZED (SELECT beat_at, stuck_after_ms, clock_timestamp() AS now FROM before),
-- This daemon's last beat was committed and is not there: the database is a copy of an earlier one. Where no daemon has
-- ever left a beat, the ledger is newly installed.
rewound AS MATERIALIZED (
  SELECT coalesce(own.beat_at, least(current.beat_at, ${lastLeft})) AS since, current.now
  FROM current LEFT JOIN ${daemons} own ON own.daemon_id = ${daemonId}
  WHERE current.now > ${lastLeft} AND current.beat_at IS NOT NULL AND (own.beat_at < ${lastLeft}
    OR (own.beat_at IS NULL AND current.now < ${lastLeft} + interval '${OWN_ROW_EXPECTED_FOR}'))),
epoch AS (UPDATE ${sweeperThreshold} h SET epoch = gen_random_uuid()::text FROM rewound WHERE h.singleton),
gap AS (
  INSERT INTO ${gaps} (gap_start, gap_end, kind)
  SELECT since, now, 'rewound' FROM rewound
  UNION ALL
  SELECT beat_at, now, 'unwatched' FROM current
  WHERE beat_at < now - ${gapAfterMs} * interval '1 millisecond' AND NOT EXISTS (SELECT FROM rewound)
  RETURNING gap_start, gap_end, kind),
set_back AS MATERIALIZED (
  SELECT now FROM current WHERE ${sawSetBack} OR now < ${setBackBefore} OR now < beat_at - ${STEP_MIN}),
-- Not up to now, where the other gap ends.
counts_anew AS (
  INSERT INTO ${gaps} (gap_start, gap_end, kind)
  SELECT now - interval '2 microseconds', now - interval '1 microsecond', 'rewound' FROM set_back
  ON CONFLICT DO NOTHING),
-- swept_at lies ahead when the clock was set back since; a sweep of the future must not count as one of today.
kept AS (
  UPDATE ${sweeperState} s SET beat_at = now, swept_at = CASE WHEN s.swept_at > now THEN now ELSE s.swept_at END,
    sweep_id = CASE WHEN NOT EXISTS (SELECT FROM set_back) THEN s.sweep_id END
  FROM current WHERE s.singleton),
present AS (
  INSERT INTO ${daemons} (daemon_id, stuck_after_ms, beat_at) SELECT ${daemonId}, ${stuckAfterMs}, now FROM current
  ON CONFLICT (daemon_id) DO UPDATE SET stuck_after_ms = excluded.stuck_after_ms, beat_at = excluded.beat_at)
${select}
FROM current LEFT JOIN gap ON true
  LEFT JOIN (SELECT h.stuck_after_ms FROM ${sweeperThreshold} h WHERE h.singleton LIMIT 1) t ON true`;
}
