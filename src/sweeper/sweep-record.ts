import type { LedgerDb } from '../db/schema.ts';
import type { CalleeCount } from './callee-count.ts';
import type { Micros } from './instant.ts';
import type { MarkRecord } from './pass/evidence.ts';
import { foldDueSweepsStatement } from './statements/fold-due-sweeps.ts';
import { sweepRecordStatement } from './statements/sweep-record.ts';
import type { SweepSummary } from './summary.ts';
import type { SweeperTables } from './tables.ts';

/** What is stored about a sweep. */
export interface SweepRecord {
  readonly summary: SweepSummary;
  /** Of those marked stuck, those for lack of progress. */
  readonly stalled: number;
  readonly startedAtUs: Micros;
  readonly trigger: string;
  /** False: it was one between the ticks, it ended early or one of its rules failed, and another sweep must finish. */
  readonly wentThrough: boolean;
  readonly callees: readonly CalleeCount[];
  readonly marks: readonly MarkRecord[];
}

/** One row per sweep in `sweeper_sweeps`, and `sweeper_state.swept_at`: when a sweep of any replica last completed. */
export class SweepRecords {
  readonly #db: LedgerDb;
  readonly #close: ReturnType<typeof sweepRecordStatement>;
  readonly #foldDue: ReturnType<typeof foldDueSweepsStatement>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#close = sweepRecordStatement(tables);
    this.#foldDue = foldDueSweepsStatement(tables);
  }

  /** Stores a sweep for the day's figures and, when it completed, for every replica's readiness. */
  async close({ summary, startedAtUs, ...record }: SweepRecord): Promise<void> {
    await this.#close.run(this.#db, { ...summary, ...record, startedAt: startedAtUs });
  }

  /** After a sweep between the ticks: keeps two rows for all of these of five minutes. */
  async foldDue(startedAtUs: Micros): Promise<void> {
    await this.#foldDue.run(this.#db, { startedAt: startedAtUs });
  }
}
