import { Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { type Micros, microsOf, timestampOf } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';
import { type ForwardJump, placeJump } from './clock-watch.ts';
import type { Gap, GapKind } from './horizon.ts';

/** A beat that the database has taken. */
export interface LeftBeat {
  readonly nowUs: Micros;
  /** The beat before, by any daemon. */
  readonly beatAtUs: Micros | null;
  /** The gap that this beat found, and recorded. */
  readonly gap: (Gap & { readonly kind: GapKind }) | null;
  /** The threshold in force, what sweeper_state says it is, and the longest among the daemons that this beat saw. */
  readonly inForceMs: number | null;
  readonly shownMs: number | null;
  readonly longestMs: number;
}

interface BeatRow extends Omit<LeftBeat, 'gap'> {
  readonly gapStartUs: Micros | null;
  readonly gapEndUs: Micros | null;
  readonly gapKind: GapKind | null;
}

export interface BeatRequest {
  readonly daemonId: string;
  readonly stuckAfterMs: number;
  /** Time without a beat from which on it is a gap. */
  readonly gapAfterMs: number;
  /** The last beat of this daemon that it knows to be committed; null: none yet. */
  readonly lastLeftUs: Micros | null;
}

/** Own rows older than this are removed, so that one that is missing says nothing. */
const DAEMONS_KEPT = '1 day';
const OWN_ROW_EXPECTED_FOR = '12 hours';

/** Beats of its own after which a daemon that left none is no longer counted. */
const BEATS_UNTIL_GONE = 6;

/** SQL: the daemons `d` that have beaten of late. */
export function isPresent(nowSql: string): string {
  return `d.beat_at > ${nowSql} - least(10000, d.stuck_after_ms / 10.0) * ${BEATS_UNTIL_GONE} * interval '1 millisecond'`;
}

/** What beats and gaps are in the database. */
export class Beats {
  readonly #db: LedgerDb;
  readonly #tables: SweeperTables;
  readonly #leave: Statement<BeatRow>;
  readonly #lock: Statement<never>;
  readonly #gaps: Statement<{ gaps: Gap[] }>;
  readonly #removeGaps: Statement<never>;
  readonly #addGap: Statement<never>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#tables = tables;
    this.#leave = leaveStatement(tables);
    this.#lock = new Statement(`SELECT FROM ${tables.sweeperState} WHERE singleton FOR UPDATE`);
    this.#gaps = new Statement(`SELECT ${gapsColumn(tables)} AS "gaps"`);
    this.#removeGaps = new Statement(`DELETE FROM ${tables.gaps} g USING unnest($1::float8[]) ended (us)
WHERE g.gap_end = ${timestampOf('ended.us')}`);
    this.#addGap = new Statement(`INSERT INTO ${tables.gaps} (gap_start, gap_end, kind)
VALUES (${timestampOf('$1')}, ${timestampOf('$2')}, $3)`);
  }

  /** @throws the database's error. */
  async leave({ daemonId, stuckAfterMs, gapAfterMs, lastLeftUs }: BeatRequest): Promise<LeftBeat> {
    const [row] = await this.#leave.run(this.#db, [daemonId, stuckAfterMs, gapAfterMs, lastLeftUs]);
    if (!row) throw new Error('sweeper_state has lost its one row; insert it again');
    const { gapStartUs, gapEndUs, gapKind, ...beat } = row;
    const isGap = gapStartUs !== null && gapEndUs !== null && gapKind !== null;
    return { ...beat, gap: isGap ? { startUs: gapStartUs, endUs: gapEndUs, kind: gapKind } : null };
  }

  async gaps(): Promise<readonly Gap[]> {
    return (await this.#gaps.run(this.#db, []))[0]!.gaps;
  }

  /** Returns the gap of this jump, or null when it is recorded already, or was none. */
  recordJump(jump: ForwardJump, gapAfterMs: number): Promise<Gap | null> {
    return this.#db.transaction().execute(async (transaction) => {
      // Whoever beats waits: two daemons that see the same jump decide one after the other.
      await this.#lock.run(transaction, []);
      const change = placeJump(jump, (await this.#gaps.run(transaction, []))[0]!.gaps, gapAfterMs);
      if (change === null) return null;
      await this.#removeGaps.run(transaction, [change.remove.map(({ endUs }) => endUs)]);
      for (const { startUs, endUs, kind } of change.add) await this.#addGap.run(transaction, [startUs, endUs, kind]);
      return change.add.at(-1)!;
    });
  }

  /** Forgets what no horizon can reach any more, and the daemons that are long gone. */
  async prune(beforeUs: Micros): Promise<void> {
    const { gaps, lowerings, daemons } = this.#tables;
    await new Statement(`
WITH gaps AS (DELETE FROM ${gaps} WHERE gap_end <= ${timestampOf('$1')}),
lowerings AS (DELETE FROM ${lowerings} WHERE lowered_at <= ${timestampOf('$1')})
DELETE FROM ${daemons} WHERE beat_at < clock_timestamp() - interval '${DAEMONS_KEPT}'`).run(this.#db, [beforeUs]);
  }
}

/** SQL: all gaps, as JSON. */
export function gapsColumn({ gaps }: SweeperTables): string {
  return `coalesce((SELECT json_agg(json_build_object('startUs', ${microsOf('gap_start')}, 'endUs', ${microsOf('gap_end')}, 'kind', kind))
            FROM ${gaps}), '[]')`;
}

/**
 * The beat goes the way of a heartbeat: an update of `delegations`, which no row matches, since an id has a character at
 * least. It needs the same lock and the same right, and where a heartbeat would wait or fail, so does the beat; the clock
 * is read after it. So time in which no agent could be heard has no beat.
 * LIMIT: these tables are too small to be analyzed, and the rows that the planner supposes in them multiply until it
 * compiles the statement (jit_above_cost), which took the server 0.4 s a beat.
 * Parameters: $1 daemon, $2 its threshold in ms, $3 ms without a beat that make a gap, $4 its last beat in Micros.
 */
export function leaveStatement(tables: SweeperTables): Statement<BeatRow> {
  const { delegations, sweeperState, gaps, daemons, sweeperThreshold } = tables;
  const lastLeft = timestampOf('$4');
  return new Statement(`
WITH heartbeat AS (UPDATE ${delegations} SET last_heartbeat = clock_timestamp() WHERE delegation_id = ''),
before AS MATERIALIZED (SELECT beat_at, stuck_after_ms FROM ${sweeperState} WHERE singleton LIMIT 1 FOR UPDATE),
-- After the lock: of two daemons that come back at once, one records the gap and the other finds it closed.
tick AS MATERIALIZED (SELECT beat_at, stuck_after_ms, clock_timestamp() AS now FROM before),
-- What this daemon knows to be committed is not there: the database is a copy of an earlier one. Where no daemon has
-- ever beaten, the ledger was installed anew.
rewound AS MATERIALIZED (
  SELECT coalesce(own.beat_at, least(tick.beat_at, ${lastLeft})) AS since, tick.now
  FROM tick LEFT JOIN ${daemons} own ON own.daemon_id = $1
  WHERE tick.now > ${lastLeft} AND tick.beat_at IS NOT NULL AND (own.beat_at < ${lastLeft}
    OR (own.beat_at IS NULL AND tick.now < ${lastLeft} + interval '${OWN_ROW_EXPECTED_FOR}'))),
epoch AS (UPDATE ${sweeperThreshold} SET epoch = gen_random_uuid()::text FROM rewound WHERE singleton),
gap AS (
  INSERT INTO ${gaps} (gap_start, gap_end, kind)
  SELECT since, now, 'rewound' FROM rewound
  UNION ALL
  SELECT beat_at, now, 'unwatched' FROM tick
  WHERE beat_at < now - $3::float8 * interval '1 millisecond' AND NOT EXISTS (SELECT FROM rewound)
  RETURNING gap_start, gap_end, kind),
-- A sweep of the future, from before the clock was set back, must not stand for one of today.
beaten AS (
  UPDATE ${sweeperState} s SET beat_at = now, swept_at = CASE WHEN s.swept_at > now THEN now ELSE s.swept_at END
  FROM tick WHERE singleton),
present AS (
  INSERT INTO ${daemons} (daemon_id, stuck_after_ms, beat_at) SELECT $1, $2::bigint, now FROM tick
  ON CONFLICT (daemon_id) DO UPDATE SET stuck_after_ms = excluded.stuck_after_ms, beat_at = excluded.beat_at)
SELECT ${wholeNumber(microsOf('tick.now'))} AS "nowUs", ${wholeNumber(microsOf('tick.beat_at'))} AS "beatAtUs",
  ${wholeNumber(microsOf('gap.gap_start'))} AS "gapStartUs", ${wholeNumber(microsOf('gap.gap_end'))} AS "gapEndUs",
  gap.kind AS "gapKind", ${wholeNumber('t.stuck_after_ms')} AS "inForceMs", ${wholeNumber('tick.stuck_after_ms')} AS "shownMs",
  ${wholeNumber(`greatest($2::bigint, (SELECT max(d.stuck_after_ms) FROM ${daemons} d
    WHERE d.daemon_id <> $1 AND ${isPresent('tick.now')}))`)} AS "longestMs"
FROM tick LEFT JOIN gap ON true LEFT JOIN (SELECT stuck_after_ms FROM ${sweeperThreshold} WHERE singleton LIMIT 1) t ON true`);
}
