import { setTimeout as sleep } from 'node:timers/promises';
import { isRetryable, isTimeout } from '../../db/sqlstate.ts';
import type { Micros } from '../instant.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { type BatchSize, fullBatchSize, nextBatchSize } from './batch-size.ts';
import { LOADED_ROWS_MAX, type Load, nextLoad, noLoad, pauseMsAfter } from './load.ts';
import type { Marker } from './marker.ts';
import { OwnSessions } from './own-sessions.ts';
import { type Place, placeBeforeAll, type Range } from './place.ts';
import { afterRefusal } from './poison.ts';
import { Progress, type RuleOutcome } from './progress.ts';
import { Ranges } from './ranges.ts';
import type { MarkAnswer, MarkedRow } from './statements/marking.ts';
import { isBatchEnd } from './statements/plan.ts';

/** What one pass of one rule works with. */
export interface RulePass {
  readonly sweepId: string;
  readonly nowUs: Micros;
  readonly staleness: Staleness;
  readonly batchRowsMax: number;
  /** Rows that this pass may mark. */
  readonly rowsMax: number;
  /** What the server gives one statement. */
  readonly limitMs: number;
  /** Rows whose update is known to raise, tried again apart. All that are known are left out of the batches. */
  readonly suspects: readonly string[];
  readonly signal: AbortSignal;
  /** Called after each commit, with the evidence. */
  readonly onMarked: (rows: readonly MarkedRow[]) => void;
}

/**
 * Batches in flight at once, each on its own connection: while one waits for its commit or its rows are logged, the
 * other works. More gain little, since they meet on the same pages and the same write-ahead log. Beside others at work
 * the first lane goes on alone.
 */
const LANES = 2;

/** What a pass spends on known poisoned rows, so that one which takes its time holds up nobody. */
const SUSPECTS_MAX_MS = 10_000;

/** Rows that are tried apart from their batch, and what they have met so far. */
interface Suspicion {
  readonly ids: readonly string[];
  readonly before?: unknown;
  readonly attempt: number;
}

/** Marks what matches one rule, batch by batch, each its own transaction, oldest first. */
export class RuleSweep {
  readonly #marker: Marker;
  /** From sweep to sweep: what this database managed of late. */
  #size: BatchSize | undefined;
  #load: Load = noLoad;
  readonly #sessions = new OwnSessions(LANES);
  #onCalm: (() => void)[] = [];

  constructor(marker: Marker) {
    this.#marker = marker;
  }

  /** Never throws for the database's error: it is the outcome's. No batch is in flight then. */
  async run(pass: RulePass): Promise<RuleOutcome> {
    const progress = new Progress(pass);
    this.#size ??= fullBatchSize(pass.batchRowsMax);
    await this.#trySuspects(pass, progress).catch((err: unknown) => progress.fail(err));
    const plan = async (after: Place, rowsMax: number) => {
      const answers = await this.#marker.plan(pass, after, rowsMax, progress.poisonedIds());
      progress.checkLease(answers);
      return answers.filter(isBatchEnd);
    };
    const ranges = new Ranges(plan, placeBeforeAll, pass.batchRowsMax, pass.rowsMax);
    const first = this.#takeRanges(pass, progress, ranges).finally(() => this.#wakeSpares());
    const spares = Array.from({ length: LANES - 1 }, () => this.#takeRanges(pass, progress, ranges, first));
    await Promise.all([first, ...spares]);
    return progress.outcome();
  }

  async #trySuspects(pass: RulePass, progress: Progress): Promise<void> {
    const suspects = pass.suspects.slice(0, pass.rowsMax);
    const endsAtMs = performance.now() + SUSPECTS_MAX_MS;
    const rowsMax = this.#size!.rowsMax;
    for (let from = 0; from < suspects.length; from += rowsMax) {
      const ids = suspects.slice(from, from + rowsMax);
      await this.#isolate(pass, progress, { ids, attempt: 1 }, () => performance.now() < endsAtMs);
    }
  }

  /** A spare lane rests while others are at work, and no longer than the first one goes on. */
  async #takeRanges(pass: RulePass, progress: Progress, ranges: Ranges, first?: Promise<void>): Promise<void> {
    try {
      while (!progress.ended()) {
        if (first && this.#load.isLoaded) await Promise.race([first, this.#loadToEnd()]);
        if (progress.ended()) return;
        const range = await ranges.next();
        if (range === null) return;
        await this.#take(pass, progress, range);
      }
    } catch (err) {
      progress.fail(err);
    }
  }

  /** Takes all of a range, in as many batches as its size, the budget and the rows that others hold make of it. */
  async #take(pass: RulePass, progress: Progress, range: Range): Promise<void> {
    for (let isAll = false; !isAll; ) {
      const rowsMax = await progress.reserve(Math.min(range.rows, this.#rowsMax()));
      if (rowsMax === 0) return;
      try {
        const taken = await this.#takeBatch(pass, progress, range, rowsMax);
        isAll = taken < rowsMax || rowsMax >= range.rows;
      } finally {
        progress.release(rowsMax);
      }
    }
  }

  /** Returns how many rows were dealt with: fewer than asked for when the range has no more. */
  async #takeBatch(pass: RulePass, progress: Progress, range: Range, rowsMax: number): Promise<number> {
    const found = progress.poisonedIds();
    const startedAtMs = performance.now();
    for (let attempt = 1, before: unknown; ; attempt += 1) {
      const answer = await this.#attempt(this.#marker.markBatch(pass, range, rowsMax, found));
      if (!('err' in answer)) {
        if (rowsMax >= this.#rowsMax()) this.#resize('success', pass);
        const tookMs = performance.now() - startedAtMs;
        const marked = progress.commit(answer);
        const others = this.#sessions.othersOf(answer[0]);
        const pauseMs = pauseMsAfter(this.#load, rowsMax, tookMs);
        this.#load = nextLoad(this.#load, { rows: rowsMax, tookMs, others });
        if (!this.#load.isLoaded) this.#wakeSpares();
        await this.#pause(pass, pauseMs);
        return marked;
      }
      const { err } = answer;
      if (isTimeout(err)) this.#resize('timeout', pass);
      const verdict = afterRefusal({ err, rows: rowsMax, before, attempt });
      if (verdict === 'give up') throw err;
      if (progress.blamesDatabase(err) || (verdict !== 'again' && !progress.mayIsolate())) {
        progress.skip(err);
        return 0;
      }
      before = err;
      if (verdict === 'again') continue;
      const ids = await this.#marker.idsOf(pass, range, rowsMax, found);
      await this.#isolateHalves(pass, progress, ids, err);
      return ids.length;
    }
  }

  async #isolateHalves(pass: RulePass, progress: Progress, ids: readonly string[], err: unknown): Promise<void> {
    const startedAtMs = performance.now();
    let countedMs = 0;
    const mayGoOn = () => {
      const spentMs = performance.now() - startedAtMs;
      const sinceMs = spentMs - countedMs;
      countedMs = spentMs;
      return progress.mayIsolate(sinceMs);
    };
    const isAll = await this.#isolate(pass, progress, { ids, before: err, attempt: 1 }, mayGoOn, true);
    if (!isAll && !progress.ended()) progress.skip(err);
  }

  /**
   * Marks these rows; when one of them raises, halves them until it stands alone. False: it ended before all had been
   * tried, since it may not go on or the database is to blame.
   */
  async #isolate(
    pass: RulePass,
    progress: Progress,
    first: Suspicion,
    mayGoOn: () => boolean,
    isNew = false,
  ): Promise<boolean> {
    const queue = isNew ? halvesOf(first.ids, first.before) : [first];
    for (let next = queue.shift(); next; next = queue.shift()) {
      if (progress.ended() || !mayGoOn()) return false;
      const { ids, before, attempt } = next;
      const answer = await this.#attempt(this.#marker.markRows(pass, ids));
      if (!('err' in answer)) {
        progress.commit(answer);
        continue;
      }
      const { err } = answer;
      const verdict = afterRefusal({ err, rows: ids.length, before, attempt });
      if (verdict === 'give up') throw err;
      if (isNew && progress.blamesDatabase(err)) return false;
      if (verdict === 'poisoned') progress.poison(ids[0]!, err);
      else if (verdict === 'again') queue.unshift({ ids, before: err, attempt: attempt + 1 });
      // The other half before the halves of this one: where it succeeds, the database is not to blame.
      else if (isRetryable(err)) queue.push(...halvesOf(ids, err));
      else queue.unshift(...halvesOf(ids, err));
    }
    return true;
  }

  async #attempt(marking: Promise<MarkAnswer[]>): Promise<MarkAnswer[] | { readonly err: unknown }> {
    return marking.catch((err: unknown) => ({ err }));
  }

  #resize(outcome: 'timeout' | 'success', { batchRowsMax }: RulePass): void {
    this.#size = nextBatchSize(this.#size!, outcome, batchRowsMax);
  }

  /** Rows that the next batch may have. */
  #rowsMax(): number {
    const { rowsMax } = this.#size!;
    return this.#load.isLoaded ? Math.min(rowsMax, LOADED_ROWS_MAX) : rowsMax;
  }

  #loadToEnd(): Promise<void> {
    return new Promise((wake) => this.#onCalm.push(wake));
  }

  #wakeSpares(): void {
    for (const wake of this.#onCalm.splice(0)) wake();
  }

  async #pause({ signal }: RulePass, pauseMs: number): Promise<void> {
    if (pauseMs > 0) await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

/** One row alone has yet to be met with its error a second time. */
function halvesOf(ids: readonly string[], err: unknown): Suspicion[] {
  const middle = Math.ceil(ids.length / 2);
  return [ids.slice(0, middle), ids.slice(middle)]
    .filter((half) => half.length > 0)
    .map((half) => ({ ids: half, attempt: 1, ...(half.length > 1 && { before: err }) }));
}
