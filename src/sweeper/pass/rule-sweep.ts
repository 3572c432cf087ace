import type { LedgerDb } from '../../db/schema.ts';
import { mayBeOneRows } from '../../db/sqlstate.ts';
import type { Statement } from '../../db/statement.ts';
import type { Micros } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { inSpan } from '../tracing.ts';
import {
  batchKeysStatement,
  type Cursor,
  cursorStart,
  type Leased,
  type MarkAnswer,
  type MarkedRow,
  markBatchStatement,
  markRowsStatement,
  type PlanAnswer,
  planStatement,
  type Range,
} from './mark.ts';
import type { KnownPoisons } from './poison-register.ts';
import { Ranges } from './ranges.ts';
import type { Rule, RuleName } from './rules.ts';

/** What one pass of one rule works with. */
export interface RulePass {
  readonly sweepId: string;
  readonly nowUs: Micros;
  readonly staleness: Staleness;
  readonly stuckAfterMs: number;
  readonly batchRowsMax: number;
  /** Rows that this pass may mark. */
  readonly rowsMax: number;
  /** Rows whose update is known to raise: left out of the batches, and some of them tried apart. */
  readonly poisons: KnownPoisons;
  readonly signal: AbortSignal;
  /** Called after each commit, with the evidence. */
  readonly onMarked: (rows: readonly MarkedRow[]) => void;
}

export interface Poison {
  readonly delegationId: string;
  readonly err: unknown;
}

export interface RuleOutcome {
  readonly marked: number;
  readonly batches: number;
  readonly poisons: readonly Poison[];
  /**
   * Why it ended: `done`, no row was left; `budget`; `aborted` by the signal; `superseded` by another sweep's lease;
   * `poisoned`, so many rows raise that the fault is not theirs.
   */
  readonly end: 'done' | 'budget' | 'aborted' | 'superseded' | 'poisoned';
}

/** New poisoned rows that one pass isolates, at about twenty statements each, before it gives up for this time. */
const POISONS_NEW_MAX = 100;

/**
 * Batches in flight at once, each on its own connection: while one waits for its commit or its rows are logged, the
 * other works. More gain little, since they meet on the same pages and the same write-ahead log.
 */
const LANES = 2;

/** Marks what matches one rule, batch by batch, each its own transaction, oldest first. */
export class RuleSweep {
  readonly #db: LedgerDb;
  readonly #rule: RuleName;
  readonly #plan: Statement<PlanAnswer>;
  readonly #batch: Statement<MarkAnswer>;
  readonly #rows: Statement<MarkAnswer>;
  readonly #keys: Statement<{ delegationId: string }>;

  constructor(db: LedgerDb, tables: SweeperTables, rule: Rule) {
    this.#db = db;
    this.#rule = rule.name;
    this.#plan = planStatement(tables, rule);
    this.#batch = markBatchStatement(tables, rule);
    this.#rows = markRowsStatement(tables, rule);
    this.#keys = batchKeysStatement(tables, rule);
  }

  /** @throws the database's error when it is one that concerns more than a row. No batch is in flight then. */
  async run(pass: RulePass): Promise<RuleOutcome> {
    const progress = new Progress(pass);
    await this.#isolate(pass, progress, pass.poisons.suspects.slice(0, pass.rowsMax));
    const plan = async (after: Cursor, rowsMax: number) => progress.rowsOf(await this.#planAfter(pass, after, rowsMax));
    const ranges = new Ranges(plan, cursorStart, pass.batchRowsMax, pass.rowsMax);
    const lanes = Array.from({ length: LANES }, () => this.#takeRanges(pass, progress, ranges));
    const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
    if (failed) throw failed.reason;
    return progress.outcome();
  }

  async #takeRanges(pass: RulePass, progress: Progress, ranges: Ranges): Promise<void> {
    try {
      while (!progress.ended()) {
        const range = await ranges.next();
        if (range === null || progress.ended()) return;
        await this.#take(pass, progress, range);
      }
    } catch (err) {
      progress.fail();
      throw err;
    }
  }

  async #take(pass: RulePass, progress: Progress, range: Range): Promise<void> {
    const rowsMax = progress.reserve(range.rows);
    if (rowsMax === 0) return;
    try {
      const refused = await this.#commit(progress, this.#markBatch(pass, range, rowsMax));
      if (!refused) return;
      const ids = await this.#idsOf(pass, range, rowsMax);
      if (ids.length > 0) await this.#isolateHalves(pass, progress, ids, refused.err);
    } finally {
      progress.release(rowsMax);
    }
  }

  /** Marks these rows; when one of them raises, halves them until it stands alone. */
  async #isolate(pass: RulePass, progress: Progress, ids: readonly string[]): Promise<void> {
    if (ids.length === 0 || progress.ended()) return;
    const refused = await this.#commit(progress, this.#markRows(pass, ids));
    if (refused) await this.#isolateHalves(pass, progress, ids, refused.err);
  }

  /** Counts what was marked. Returns the error when one of the rows raised it, and throws one that is not theirs. */
  async #commit(progress: Progress, marking: Promise<MarkAnswer[]>): Promise<{ readonly err: unknown } | null> {
    const answers = await marking.catch((err: unknown) => {
      if (!mayBeOneRows(err)) throw err;
      return { err };
    });
    if ('err' in answers) return answers;
    progress.commit(answers);
    return null;
  }

  async #isolateHalves(pass: RulePass, progress: Progress, ids: readonly string[], err: unknown): Promise<void> {
    if (ids.length === 1) {
      progress.poison(ids[0]!, err);
      return;
    }
    const middle = Math.ceil(ids.length / 2);
    await this.#isolate(pass, progress, ids.slice(0, middle));
    await this.#isolate(pass, progress, ids.slice(middle));
  }

  #planAfter(pass: RulePass, after: Cursor, rowsMax: number): Promise<PlanAnswer[]> {
    const { nowUs, staleness, poisons, batchRowsMax } = pass;
    const { keyUs, delegationId } = after;
    return this.#plan.run(this.#db, [nowUs, staleness, rowsMax, keyUs, delegationId, poisons.all, batchRowsMax]);
  }

  #markBatch(pass: RulePass, range: Range, rowsMax: number): Promise<MarkAnswer[]> {
    const { nowUs, staleness, sweepId, stuckAfterMs, poisons } = pass;
    const bounds = boundsOf(range);
    return this.#mark(this.#batch, [nowUs, staleness, sweepId, stuckAfterMs, rowsMax, poisons.all, ...bounds]);
  }

  #markRows({ nowUs, staleness, sweepId, stuckAfterMs }: RulePass, ids: readonly string[]): Promise<MarkAnswer[]> {
    return this.#mark(this.#rows, [nowUs, staleness, sweepId, stuckAfterMs, ids.length, ids]);
  }

  #mark(statement: Statement<MarkAnswer>, parameters: readonly unknown[]): Promise<MarkAnswer[]> {
    return inSpan(
      'sweep batch',
      { rule: this.#rule },
      () => statement.run(this.#db, parameters),
      (answers) => ({ rows: answers.filter(({ delegationId }) => delegationId !== null).length }),
    );
  }

  async #idsOf({ nowUs, staleness, poisons }: RulePass, range: Range, rowsMax: number): Promise<string[]> {
    const rows = await this.#keys.run(this.#db, [nowUs, staleness, rowsMax, ...boundsOf(range), poisons.all]);
    return rows.map(({ delegationId }) => delegationId);
  }
}

function boundsOf({ after, upTo }: Range): unknown[] {
  return [after.keyUs, after.delegationId, upTo.keyUs, upTo.delegationId];
}

/** What a pass has done so far, and whether it is over. */
class Progress {
  readonly #pass: RulePass;
  /** By id: both lanes may meet the same row. */
  readonly #poisons = new Map<string, Poison>();
  #batches = 0;
  #marked = 0;
  /** Rows that the batches in flight may still mark. */
  #reserved = 0;
  #superseded = false;
  #failed = false;

  constructor(pass: RulePass) {
    this.#pass = pass;
  }

  /** Takes a batch's rows out of the budget, as far as it goes, until they are released. */
  reserve(rows: number): number {
    const granted = Math.max(0, Math.min(rows, this.#pass.rowsMax - this.#marked - this.#reserved));
    this.#reserved += granted;
    return granted;
  }

  release(rows: number): void {
    this.#reserved -= rows;
  }

  /** The answer's rows, and whether the lease is still ours. */
  rowsOf<Row extends { delegationId: string }>(answers: readonly Leased<Row>[]): Row[] {
    // For good: another batch's answer may be older than this one.
    this.#superseded ||= answers[0]?.leaseId !== this.#pass.sweepId;
    return answers.filter((answer) => answer.delegationId !== null) as unknown as Row[];
  }

  commit(answers: readonly MarkAnswer[]): void {
    const rows = this.rowsOf<MarkedRow>(answers);
    if (rows.length === 0) return;
    this.#marked += rows.length;
    this.#batches += 1;
    this.#pass.onMarked(rows);
  }

  poison(delegationId: string, err: unknown): void {
    this.#poisons.set(delegationId, { delegationId, err });
  }

  /** A batch has met an error that ends the pass: the other lanes start no more. */
  fail(): void {
    this.#failed = true;
  }

  ended(): boolean {
    return this.#failed || this.#end() !== 'done';
  }

  outcome(): RuleOutcome {
    return { marked: this.#marked, batches: this.#batches, poisons: [...this.#poisons.values()], end: this.#end() };
  }

  #end(): RuleOutcome['end'] {
    if (this.#superseded) return 'superseded';
    if (this.#pass.signal.aborted) return 'aborted';
    if (this.#poisons.size > this.#pass.poisons.suspects.length + POISONS_NEW_MAX) return 'poisoned';
    return this.#marked >= this.#pass.rowsMax ? 'budget' : 'done';
  }
}
