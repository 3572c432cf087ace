import type { LedgerDb } from '../db/schema.ts';
import { Statement, wholeNumber } from '../db/statement.ts';
import { type Micros, microsOf, timestampOf } from './instant.ts';
import type { MarkRecord } from './pass/evidence.ts';
import type { CalleeCount } from './storm/probe.ts';
import type { StormState } from './storm/storm-guard.ts';
import type { SweepSummary } from './summary.ts';
import type { SweeperTables } from './tables.ts';

/** What a sweep starts from, all read at one instant of the database's clock. */
export interface Opening {
  readonly nowUs: Micros;
  /** The sweep that has the lease. */
  readonly leaseId: string | null;
  readonly storm: StormState;
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
 * - `beat_at`, `stuck_after_ms`: see observed-time and threshold;
 * - `sweep_id`: the lease. The sweep that wrote it last may mark; any other ends at its next batch;
 * - `swept_at`: when a sweep, by any replica, last went through;
 * - `storm_held_since`, `storm_released_at`: the storm guard's memory.
 */
export class SweeperState {
  readonly #db: LedgerDb;
  readonly #open: Statement<OpeningRow>;
  readonly #look: Statement<OpeningRow>;
  readonly #storm: Statement<never>;
  readonly #close: Statement<never>;

  constructor(db: LedgerDb, { sweeperState, sweeps }: SweeperTables) {
    this.#db = db;
    const columns = `${wholeNumber(microsOf('clock_timestamp()'))} AS "nowUs", s.sweep_id AS "leaseId",
  ${wholeNumber(microsOf('s.storm_held_since'))} AS "heldSinceUs", ${wholeNumber(microsOf('s.storm_released_at'))} AS "releasedAtUs"`;
    this.#open = new Statement(`UPDATE ${sweeperState} s SET sweep_id = $1 WHERE singleton RETURNING ${columns}`);
    this.#look = new Statement(`SELECT ${columns} FROM ${sweeperState} s WHERE singleton`);
    this.#storm = new Statement(`
UPDATE ${sweeperState} SET storm_held_since = ${timestampOf('$1')}, storm_released_at = ${timestampOf('$2')}
WHERE singleton`);
    this.#close = new Statement(`
WITH written AS (
  INSERT INTO ${sweeps} (sweep_id, started_at, trigger, stuck, failed, poisoned, remaining, truncated, held, batches,
    duration_ms, unobserved_ms, callees, marks)
  VALUES ($1, ${timestampOf('$2')}, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)),
pruned AS (DELETE FROM ${sweeps} WHERE started_at < ${timestampOf('$2')} - interval '${SWEEPS_KEPT}')
UPDATE ${sweeperState} SET swept_at = clock_timestamp() WHERE singleton AND $15`);
  }

  /** Takes the lease and reads the clock. */
  async open(sweepId: string): Promise<Opening> {
    return opening(await this.#open.run(this.#db, [sweepId]));
  }

  /** The same without the lease: for a dry run. */
  async look(): Promise<Opening> {
    return opening(await this.#look.run(this.#db, []));
  }

  async keepStorm({ heldSinceUs, releasedAtUs }: StormState): Promise<void> {
    await this.#storm.run(this.#db, [heldSinceUs, releasedAtUs]);
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
}

interface OpeningRow {
  nowUs: Micros;
  leaseId: string | null;
  heldSinceUs: Micros | null;
  releasedAtUs: Micros | null;
}

function opening([row]: OpeningRow[]): Opening {
  const { nowUs, leaseId, heldSinceUs, releasedAtUs } = stateRow(row);
  return { nowUs, leaseId, storm: { heldSinceUs, releasedAtUs } };
}

function stateRow<Row>(row: Row | undefined): Row {
  if (!row)
    throw new Error('sweeper_state has lost its one row; run `migrate up` on a fresh schema, or insert it again');
  return row;
}
