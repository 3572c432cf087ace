import type { LedgerDb } from '../db/schema.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Micros } from './instant.ts';
import type { Lease } from './lease.ts';
import type { Notices } from './notices.ts';
import type { PoisonRegister } from './pass/poison-register.ts';
import type { RuleOutcome } from './pass/progress.ts';
import { type RuleName, ruleNames } from './pass/rules.ts';
import { DailyReport } from './standing-faults/daily-report.ts';
import { LockReport } from './standing-faults/lock-report.ts';
import { SnapshotReport } from './standing-faults/snapshot-report.ts';
import type { SweepSummary } from './summary.ts';
import type { SweeperTables } from './tables.ts';
import type { Staleness } from './threshold/staleness.ts';

/** What a sweep reads before it marks, or reports after it is closed. */
export type ReportName =
  | 'unsettled'
  | 'suspects'
  | 'holds'
  | 'lost_stamps'
  | 'lowering'
  | 'probing'
  | 'poisoned'
  | 'advice'
  | 'healed'
  | 'row_locked'
  | 'snapshot_held'
  | 'daily'
  | 'superseded'
  | 'folding'
  | 'pruning';

interface Parts {
  readonly notices: Notices;
  readonly poisons: PoisonRegister;
  readonly lease: Lease;
}

/** The sweep that the reports are about. */
export interface Reported {
  readonly sweepId: string;
  readonly nowUs: Micros;
  readonly staleness: Staleness;
  readonly suspects: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * What a sweep does in addition to marking, in sequence. Each report is bounded in time, and independent: when one fails,
 * neither the sweep nor the other reports fail. Emits sweep.report_failed and sweep.superseded.
 */
export class SweepReports {
  readonly #log: EventLog;
  readonly #parts: Parts;
  readonly #locks: LockReport;
  readonly #snapshots: SnapshotReport;
  readonly #daily: DailyReport;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, parts: Parts) {
    this.#log = log;
    this.#parts = parts;
    this.#locks = new LockReport(db, tables, log, parts.notices);
    this.#snapshots = new SnapshotReport(db, log, parts.notices);
    this.#daily = new DailyReport(db, tables, log, parts.notices);
  }

  /** Null when it failed. */
  async apart<Result>(sweepId: string, report: ReportName, work: () => Promise<Result>): Promise<Result | null> {
    try {
      return await work();
    } catch (err) {
      this.#log.emit('sweep.report_failed', { sweepId, report, err: errorFields(err) });
      return null;
    }
  }

  /** Also after a sweep that failed: once they are known, these rows no longer delay others. */
  async poisoned(sweepId: string, outcomes: Readonly<Record<RuleName, RuleOutcome>>): Promise<void> {
    for (const name of ruleNames) {
      await this.apart(sweepId, 'poisoned', () => this.#parts.poisons.report(sweepId, name, outcomes[name].poisons));
    }
  }

  /** After a sweep that did not fail. Ends early for one that was cancelled, which has little time left. */
  async after(sweep: Reported, outcomes: readonly RuleOutcome[], summary: SweepSummary): Promise<void> {
    const { sweepId, nowUs, staleness, suspects } = sweep;
    const { notices, poisons } = this.#parts;
    const reports: Partial<Record<ReportName, () => Promise<void>>> = {
      superseded: () => this.#superseded(sweepId, outcomes),
      healed: () => poisons.forgetHealed(nowUs, staleness, suspects),
      row_locked: () => this.#locks.report(sweepId, nowUs, staleness, summary),
      snapshot_held: () => this.#snapshots.report(),
      daily: () => this.#daily.report(),
      pruning: () => notices.prune(),
    };
    for (const [report, work] of Object.entries(reports) as [ReportName, () => Promise<void>][]) {
      if (sweep.signal.aborted) return;
      await this.apart(sweepId, report, work);
    }
  }

  async #superseded(sweepId: string, outcomes: readonly RuleOutcome[]): Promise<void> {
    if (!outcomes.some(({ end }) => end === 'superseded')) return;
    this.#log.emit('sweep.superseded', { sweepId, bySweepId: (await this.#parts.lease.look()).leaseId ?? 'none' });
  }
}
