import { isRetryable, isTimeout } from '../../db/sqlstate.ts';
import type { Poison } from './poison.ts';
import { isMarked, type MarkAnswer, type MarkedRow } from './statements/marking.ts';

/** The outcome of a pass of one rule. */
export interface RuleOutcome {
  readonly marked: number;
  /** Of these, those that were tried again. */
  readonly retried: number;
  /** Rows that were found to match. */
  readonly found: number;
  readonly batches: number;
  readonly poisons: readonly Poison[];
  /**
   * Why it ended: `done`, no row was left; `budget`; `held` by an operator; `aborted` by the signal; `superseded` by another sweep's lease;
   * `skipped`, so many updates raise that some batches were left; `failed`, by an error that no row caused.
   */
  readonly end: 'done' | 'budget' | 'held' | 'aborted' | 'superseded' | 'skipped' | 'failed';
  /** With `skipped` and `failed`: what the sweep fails with. Otherwise null. */
  readonly err: unknown;
}

export function failedOutcome(err: unknown): RuleOutcome {
  return { ...nothingMarked, end: 'failed', err };
}

const nothingMarked = { marked: 0, retried: 0, found: 0, batches: 0, poisons: [] } as const;

/** Rows of the rule were left, as by a budget that was used up. */
export const cutShort: RuleOutcome = { ...nothingMarked, end: 'budget', err: null };

/** Of several passes of a rule, the outcome has the end that comes first in this list. */
const endsByWeight: readonly RuleOutcome['end'][] = [
  'failed',
  'superseded',
  'aborted',
  'held',
  'budget',
  'skipped',
  'done',
];

/** The common outcome of the passes of one rule. */
export function combined(outcomes: readonly RuleOutcome[]): RuleOutcome {
  const sum = (count: (outcome: RuleOutcome) => number) => outcomes.reduce((total, each) => total + count(each), 0);
  return {
    marked: sum(({ marked }) => marked),
    retried: sum(({ retried }) => retried),
    found: sum(({ found }) => found),
    batches: sum(({ batches }) => batches),
    poisons: outcomes.flatMap(({ poisons }) => poisons),
    end: endsByWeight.find((end) => outcomes.some((outcome) => outcome.end === end)) ?? 'done',
    err: outcomes.find(({ err }) => err !== null)?.err ?? null,
  };
}

/** New poisoned rows that one pass isolates, at about twenty statements each, and the time that it spends on them. */
const POISONS_NEW_MAX = 100;
const ISOLATING_MAX_MS = 60_000;
/**
 * Refusals in a row after which the database, not a row, is taken for the cause: of a retryable error, and of timeouts.
 * One poisoned row never reaches that many, since other rows are tried in between.
 */
const RETRYABLE_IN_A_ROW_MAX = 24;
const TIMEOUTS_IN_A_ROW_MAX = 12;
/** Batches skipped in a row after which the pass ends. */
const SKIPPED_IN_A_ROW_MAX = 100;

export interface ProgressOptions {
  readonly sweepId: string;
  readonly rowsMax: number;
  /** Poisoned rows that were known before. */
  readonly suspects: readonly string[];
  readonly signal: AbortSignal;
  readonly onMarked: (rows: readonly MarkedRow[]) => void;
}

/** What a pass has done so far, and whether it is over. */
export class Progress {
  readonly #options: ProgressOptions;
  /** By id: both lanes may meet the same row. */
  readonly #poisons = new Map<string, Poison>();
  readonly #suspects: ReadonlySet<string>;
  #poisonsNew = 0;
  /** Rows found poisoned by a retryable error since a batch last succeeded: the database may have been the cause. */
  #unsure: string[] = [];
  #batches = 0;
  #found = 0;
  #marked = 0;
  #retried = 0;
  /** Rows that the batches in flight may still mark. */
  #reserved = 0;
  #onRelease: (() => void)[] = [];
  #inARow = { retryable: 0, timeouts: 0, skipped: 0 };
  #isolatingMs = 0;
  #superseded = false;
  #held = false;
  #skipped: { readonly err: unknown } | null = null;
  #failed: { readonly err: unknown } | null = null;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#suspects = new Set(options.suspects);
  }

  /**
   * Reserves up to this many rows of the budget until they are released. While running batches have reserved the whole
   * rest, it waits for what they release. 0: the budget is used up, or the pass has ended.
   */
  async reserve(rows: number): Promise<number> {
    while (this.#left() <= 0 && this.#reserved > 0 && !this.ended()) await this.#nextRelease();
    const granted = this.ended() ? 0 : Math.max(0, Math.min(rows, this.#left()));
    this.#reserved += granted;
    return granted;
  }

  release(rows: number): void {
    this.#reserved -= rows;
    for (const wake of this.#onRelease.splice(0)) wake();
  }

  /** Whether this sweep still has the lease and is not held, by an answer. */
  checkMayMark([answer]: readonly { readonly leaseId: string | null; readonly isHeld: boolean }[]): void {
    // Final: another batch's answer may be older than this one.
    this.#superseded ||= answer?.leaseId !== this.#options.sweepId;
    this.#held ||= answer?.isHeld === true;
  }

  /** Counts rows that were found to match. */
  find(rows: number): void {
    this.#found += rows;
  }

  /** Returns how many rows were marked. */
  commit(answers: readonly MarkAnswer[]): number {
    this.#inARow = { retryable: 0, timeouts: 0, skipped: 0 };
    this.#unsure = [];
    this.checkMayMark(answers);
    const rows = answers.filter(isMarked);
    if (rows.length === 0) return 0;
    this.#marked += rows.length;
    this.#retried += rows.filter(({ retriedAs }) => retriedAs !== null).length;
    this.#batches += 1;
    this.#options.onMarked(rows);
    return rows.length;
  }

  /** Counts a refusal. True: so many in a row that the database is the cause; rows it made look poisoned are cleared. */
  blamesDatabase(err: unknown): boolean {
    if (isTimeout(err)) this.#inARow.timeouts += 1;
    else if (isRetryable(err)) this.#inARow.retryable += 1;
    else return false;
    if (this.#inARow.timeouts >= TIMEOUTS_IN_A_ROW_MAX) this.fail(err);
    else if (this.#inARow.retryable < RETRYABLE_IN_A_ROW_MAX) return false;
    for (const delegationId of this.#unsure.splice(0)) this.#poisons.delete(delegationId);
    return true;
  }

  poison(delegationId: string, err: unknown): void {
    if (!this.#suspects.has(delegationId) && !this.#poisons.has(delegationId)) {
      this.#poisonsNew += 1;
      if (isRetryable(err)) this.#unsure.push(delegationId);
    }
    this.#poisons.set(delegationId, { delegationId, err });
  }

  /** Ids to leave out of later batches: a batch fails as a whole when one of its rows is poisoned. */
  poisonedIds(): string[] {
    return [...this.#poisons.keys()];
  }

  /** Whether rows may still be tried apart from their batch; counts the time of a step that was. */
  mayIsolate(spentMs = 0): boolean {
    this.#isolatingMs += spentMs;
    return this.#poisonsNew <= POISONS_NEW_MAX && this.#isolatingMs <= ISOLATING_MAX_MS;
  }

  /** Rows among which one raises are left for the next sweep. */
  skip(err: unknown): void {
    this.#skipped = { err };
    this.#inARow.skipped += 1;
  }

  /** A batch got an error that no row caused: the other lanes start no more. */
  fail(err: unknown): void {
    this.#failed ??= { err };
  }

  ended(): boolean {
    const end = this.#end();
    return end !== 'done' && (end !== 'skipped' || this.#inARow.skipped >= SKIPPED_IN_A_ROW_MAX);
  }

  outcome(): RuleOutcome {
    const end = this.#end();
    const cause = end === 'failed' ? this.#failed : end === 'skipped' ? this.#skipped : null;
    const poisons = [...this.#poisons.values()];
    const [marked, retried, found, batches] = [this.#marked, this.#retried, this.#found, this.#batches];
    return { marked, retried, found, batches, poisons, end, err: cause?.err ?? null };
  }

  #left(): number {
    return this.#options.rowsMax - this.#marked - this.#reserved;
  }

  #nextRelease(): Promise<void> {
    return new Promise((wake) => this.#onRelease.push(wake));
  }

  #end(): RuleOutcome['end'] {
    if (this.#failed) return 'failed';
    if (this.#superseded) return 'superseded';
    if (this.#options.signal.aborted) return 'aborted';
    if (this.#held) return 'held';
    if (this.#marked >= this.#options.rowsMax) return 'budget';
    return this.#skipped ? 'skipped' : 'done';
  }
}
