import { Statement } from '../db/positional-statement.ts';
import type { LedgerDb } from '../db/schema.ts';
import { type Micros, timestampOf } from './instant.ts';
import type { MarkRecord } from './pass/evidence.ts';
import type { CalleeCount } from './storm/probe.ts';
import type { SweepSummary } from './summary.ts';
import type { SweeperTables } from './tables.ts';

/** What is kept of a sweep. */
export interface SweepRecord {
  readonly summary: SweepSummary;
  readonly startedAtUs: Micros;
  readonly trigger: string;
  /** False: it ended early or a rule of it failed, and another has to finish. */
  readonly wentThrough: boolean;
  readonly callees: readonly CalleeCount[];
  readonly marks: readonly MarkRecord[];
}

/** Kept sweeps: enough for a week's picture. */
const SWEEPS_KEPT = '8 days';

/** One row a sweep, in `sweeper_sweeps`; and `sweeper_state.swept_at`, when a sweep of any replica last went through. */
export class SweepRecords {
  readonly #db: LedgerDb;
  readonly #close: Statement<never>;

  constructor(db: LedgerDb, { sweeperState, sweeps }: SweeperTables) {
    this.#db = db;
    this.#close = new Statement(`
WITH written AS (
  INSERT INTO ${sweeps} (sweep_id, started_at, trigger, stuck, failed, poisoned, remaining, truncated, held, batches,
    duration_ms, unobserved_ms, callees, marks)
  VALUES ($1, ${timestampOf('$2')}, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)),
pruned AS (DELETE FROM ${sweeps} WHERE started_at < ${timestampOf('$2')} - interval '${SWEEPS_KEPT}')
UPDATE ${sweeperState} SET swept_at = clock_timestamp() WHERE singleton AND $15`);
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
