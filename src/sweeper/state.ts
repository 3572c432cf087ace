import type { LedgerDb } from '../db/schema.ts';
import { Statement, wholeNumber } from '../db/statement.ts';
import { type Micros, microsOf, timestampOf } from './instant.ts';
import type { Gap } from './observed-time/horizon.ts';
import type { MarkRecord } from './pass/evidence.ts';
import type { CalleeCount } from './storm/probe.ts';
import type { SweepSummary } from './summary.ts';
import type { SweeperTables } from './tables.ts';

/** What a sweep starts from, all read at one instant of the database's clock. */
export interface Opening {
  readonly nowUs: Micros;
  readonly beatAtUs: Micros | null;
  /** The sweep that has the lease. */
  readonly leaseId: string | null;
  /** Since when there are signs of a storm; null: none. `StormMemory` has the rest. */
  readonly stormSinceUs: Micros | null;
  readonly gaps: readonly Gap[];
}

/** What is kept of a sweep. */
export interface SweepRecord {
  readonly summary: SweepSummary;
  readonly startedAtUs: Micros;
  readonly trigger: string;
  /** False: it ended early, and another has to finish. */
  readonly wentThrough: boolean;
  readonly callees: readonly CalleeCount[];
  readonly marks: readonly MarkRecord[];
}

/** Kept sweeps: enough for a week's picture. */
const SWEEPS_KEPT = '8 days';

/**
 * What the sweeper keeps in the database between sweeps, for all replicas. One row:
 *
 * - `beat_at`, `stuck_after_ms`: the daemons' last beat, and the threshold they run with;
 * - `sweep_id`: the lease. The sweep that wrote it last may mark; any other ends at its next batch;
 * - `swept_at`: when a sweep, by any replica, last went through;
 * - `storm_...`: the storm guard's memory (`storm/storm-memory.ts`).
 */
export class SweeperState {
  readonly #db: LedgerDb;
  readonly #open: Statement<OpeningRow>;
  readonly #look: Statement<OpeningRow>;
  readonly #beat: Statement<BeatRow>;
  readonly #close: Statement<never>;
  readonly #pruneGaps: Statement<never>;

  constructor(db: LedgerDb, { sweeperState, gaps, sweeps }: SweeperTables) {
    this.#db = db;
    const columns = `${wholeNumber(microsOf('clock_timestamp()'))} AS "nowUs", ${wholeNumber(microsOf('s.beat_at'))} AS "beatAtUs", s.sweep_id AS "leaseId",
  ${wholeNumber(microsOf('coalesce(s.storm_held_since, s.storm_forming_since)'))} AS "stormSinceUs",
  coalesce((SELECT json_agg(json_build_object('startUs', ${microsOf('gap_start')}, 'endUs', ${microsOf('gap_end')}))
            FROM ${gaps}), '[]') AS "gaps"`;
    this.#open = new Statement(`UPDATE ${sweeperState} s SET sweep_id = $1 WHERE singleton RETURNING ${columns}`);
    this.#look = new Statement(`SELECT ${columns} FROM ${sweeperState} s WHERE singleton`);
    this.#beat = new Statement(`
WITH before AS MATERIALIZED (SELECT beat_at FROM ${sweeperState} WHERE singleton FOR UPDATE),
-- After the lock: of two daemons that come back at once, one records the gap and the other finds it closed.
tick AS MATERIALIZED (SELECT beat_at, clock_timestamp() AS now FROM before),
gap AS (
  INSERT INTO ${gaps} (gap_start, gap_end)
  SELECT beat_at, now FROM tick WHERE beat_at < now - $2::float8 * interval '1 millisecond'
  RETURNING gap_start, gap_end),
beaten AS (UPDATE ${sweeperState} SET beat_at = now, stuck_after_ms = $1::bigint FROM tick WHERE singleton)
SELECT ${wholeNumber(microsOf('tick.now'))} AS "nowUs", ${wholeNumber(microsOf('gap.gap_start'))} AS "startUs", ${wholeNumber(microsOf('gap.gap_end'))} AS "endUs"
FROM tick LEFT JOIN gap ON true`);
    this.#close = new Statement(`
WITH written AS (
  INSERT INTO ${sweeps} (sweep_id, started_at, trigger, stuck, failed, poisoned, remaining, truncated, held, batches,
    duration_ms, unobserved_ms, callees, marks)
  VALUES ($1, ${timestampOf('$2')}, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)),
pruned AS (DELETE FROM ${sweeps} WHERE started_at < ${timestampOf('$2')} - interval '${SWEEPS_KEPT}')
UPDATE ${sweeperState} SET swept_at = clock_timestamp() WHERE singleton AND $15`);
    this.#pruneGaps = new Statement(`DELETE FROM ${gaps} WHERE gap_end <= ${timestampOf('$1')}`);
  }

  /** Takes the lease and reads the clock. */
  async open(sweepId: string): Promise<Opening> {
    return opening(await this.#open.run(this.#db, [sweepId]));
  }

  /** The same without the lease: for a dry run. */
  async look(): Promise<Opening> {
    return opening(await this.#look.run(this.#db, []));
  }

  /**
   * Leaves a beat, and records the gap since the one before when it is longer than `gapAfterMs`.
   * Returns that gap, or null, and the database's clock.
   */
  async beat(stuckAfterMs: number, gapAfterMs: number): Promise<{ nowUs: Micros; gap: Gap | null }> {
    const [row] = await this.#beat.run(this.#db, [stuckAfterMs, gapAfterMs]);
    const { nowUs, startUs, endUs } = stateRow(row);
    return { nowUs, gap: startUs === null || endUs === null ? null : { startUs, endUs } };
  }

  /** Keeps a sweep for the day's figures and, when it went through, for every replica's readiness. */
  async close({ summary, startedAtUs, trigger, wentThrough, callees, marks }: SweepRecord): Promise<void> {
    await this.#close.run(this.#db, [
      summary.sweepId,
      startedAtUs,
      trigger,
      summary.stuck,
      summary.failed,
      summary.poisoned,
      summary.remaining,
      summary.truncated,
      summary.held,
      summary.batches,
      summary.durationMs,
      summary.unobservedMs,
      JSON.stringify(callees),
      JSON.stringify(marks),
      wentThrough,
    ]);
  }

  /** Forgets the gaps that ended before any horizon can reach. */
  async pruneGaps(beforeUs: Micros): Promise<void> {
    await this.#pruneGaps.run(this.#db, [beforeUs]);
  }
}

interface OpeningRow {
  nowUs: Micros;
  beatAtUs: Micros | null;
  leaseId: string | null;
  stormSinceUs: Micros | null;
  gaps: Gap[];
}

interface BeatRow {
  nowUs: Micros;
  startUs: Micros | null;
  endUs: Micros | null;
}

function opening([row]: OpeningRow[]): Opening {
  const { nowUs, beatAtUs, leaseId, stormSinceUs, gaps } = stateRow(row);
  return { nowUs, beatAtUs, leaseId, stormSinceUs, gaps };
}

function stateRow<Row>(row: Row | undefined): Row {
  if (!row)
    throw new Error('sweeper_state has lost its one row; run `migrate up` on a fresh schema, or insert it again');
  return row;
}
