import { setTimeout as sleep } from 'node:timers/promises';
import { isRetryable, isTimeout } from '../../db/sqlstate.ts';
import { type BatchSize, fullBatchSize, nextBatchSize } from './batch-size.ts';
import { LOADED_ROWS_MAX, type Load, nextLoad, noLoad, pauseMsAfter } from './load.ts';
import type { Marker } from './marker.ts';
import { OwnSessions } from './own-sessions.ts';
import { type Place, placeBeforeAll, type Range } from './place.ts';
import { afterRefusal } from './poison.ts';
import type { ProbeEvidence } from './probe-evidence.ts';
import { Progress, type RuleOutcome } from './progress.ts';
import { Ranges } from './ranges.ts';
import type { RulePass } from './rule-pass.ts';
import type { MarkAnswer } from './statements/marking.ts';
import { isBatchEnd } from './statements/plan.ts';

/**
 * Batches that run at once, each on its own connection: while one waits for its commit or its rows are logged, the
 * other works. More gain little, since they use the same pages and the same write-ahead log. While other sessions work,
 * only the first lane goes on.
 */
const LANES = 2;

/** Time that a pass spends on known poisoned rows, so that a slow one delays no other row. */
const SUSPECTS_MAX_MS = 10_000;

/** Rows that are tried apart from their batch, and the errors that they got so far. */
interface Suspicion {
  readonly ids: readonly string[];
  readonly before?: unknown;
  readonly attempt: number;
}

/** Marks what matches one rule, batch by batch, each its own transaction, oldest first. */
export class RuleSweep {
  readonly #marker: Marker;
  /** Kept from sweep to sweep: what this database could do recently. */
  #size: BatchSize | undefined;
  #load: Load = noLoad;
  readonly #sessions = new OwnSessions(LANES);
  #onCalm: (() => void)[] = [];

  constructor(marker: Marker) {
    this.#marker = marker;
  }

  /** Never throws the database's error, which is part of the outcome. No batch is running when it returns. */
  async run(pass: RulePass): Promise<RuleOutcome> {
    const progress = new Progress(pass);
    this.#size ??= fullBatchSize(pass.batchRowsMax);
    await this.#trySuspects(pass, progress).catch((err: unknown) => progress.fail(err));
    const plan = async (after: Place, rowsMax: number) => {
      const answers = await this.#marker.plan(pass, after, rowsMax, progress.poisonedIds());
      progress.checkMayMark(answers);
      const ends = answers.filter(isBatchEnd);
      for (const { rows } of ends) progress.find(rows);
      return ends;
    };
    const ranges = new Ranges(plan, placeBeforeAll, pass.batchRowsMax, pass.rowsMax);
    const first = this.#takeRanges(pass, progress, ranges).finally(() => this.#wakeSpares());
    const spares = Array.from({ length: LANES - 1 }, () => this.#takeRanges(pass, progress, ranges, first));
    await Promise.all([first, ...spares]);
    return progress.outcome();
  }

  /** Marks these rows, whose agents were asked, with what came of it. Never throws the database's error, as `run`. */
  async markAsked(pass: RulePass, probes: ReadonlyMap<string, ProbeEvidence>): Promise<RuleOutcome> {
    const progress = new Progress(pass);
    this.#size ??= fullBatchSize(pass.batchRowsMax);
    const ids = [...probes.keys()];
    const trying = this.#tryApart({ ...pass, probes }, progress, ids, () => progress.mayIsolate());
    await trying.catch((err: unknown) => progress.fail(err));
    return progress.outcome();
  }

  async #trySuspects(pass: RulePass, progress: Progress): Promise<void> {
    const endsAtMs = performance.now() + SUSPECTS_MAX_MS;
    await this.#tryApart(pass, progress, pass.suspects.slice(0, pass.rowsMax), () => performance.now() < endsAtMs);
  }

  async #tryApart(pass: RulePass, progress: Progress, ids: readonly string[], mayGoOn: () => boolean): Promise<void> {
    const rowsMax = this.#size!.rowsMax;
    for (let from = 0; from < ids.length; from += rowsMax) {
      await this.#isolate(pass, progress, { ids: ids.slice(from, from + rowsMax), attempt: 1 }, mayGoOn);
    }
  }

  /** A spare lane pauses while other sessions work, and ends with the first one. */
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

  /** Processes a whole range, in as many batches as its size, the budget and the rows locked by others require. */
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
   * Marks these rows; when one of them raises, halves them until it is alone. False: it ended before all had been
   * tried, since it may not go on or the database is the cause.
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
      // The other half before the halves of this one: if it succeeds, the database is not the cause.
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

/** Whether a single row has still to get its error a second time. */
function halvesOf(ids: readonly string[], err: unknown): Suspicion[] {
  const middle = Math.ceil(ids.length / 2);
  return [ids.slice(0, middle), ids.slice(middle)]
    .filter((half) => half.length > 0)
    .map((half) => ({ ids: half, attempt: 1, ...(half.length > 1 && { before: err }) }));
}
