import { dateOf, type Micros } from '../../db/instant.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { isRetryable } from '../../db/sqlstate.ts';
import { clockStatement } from '../../db/statements/clock.ts';
import { type LedgerTables, ledgerTables } from '../../ledger/tables.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import { type Cutoffs, cutoffsOf, type RetentionPeriods } from './cutoffs.ts';
import { DuePages } from './due-pages.ts';
import { Pace } from './pace.ts';
import { nothingPruned, type PruneCounts, type PruneSummary } from './prune-summary.ts';
import { Removals, withCounts } from './removals.ts';
import { requireRights } from './rights.ts';

export interface PruneRequest {
  readonly trigger: 'cron' | 'manual';
  /** Ends it between two batches. */
  readonly signal: AbortSignal;
  /** After each batch, with all counts so far. */
  readonly onProgress?: (counts: PruneCounts) => void;
  /** It ends itself after so long, and the next one goes on. */
  readonly endAfterMs?: number;
}

/** So many refusals are not the fault of single rows: the rest is left alone. */
const REFUSED_MAX = 1000;

/**
 * Removes what the retention no longer keeps, in small batches: delegations that have ended, with their activity, and
 * activity of what has ended or of no delegation. Never an open row, nor the activity of one. All methods throw the
 * database's error. Emits prune.completed, prune.refused, prune.failed.
 */
export class Pruner {
  readonly #db: LedgerDb;
  readonly #tables: LedgerTables;
  readonly #log: EventLog;
  readonly #pages: DuePages;
  readonly #removals: Removals;

  constructor(db: LedgerDb, log: EventLog, { pageRowsMax }: { readonly pageRowsMax?: number } = {}) {
    this.#db = db;
    this.#log = log;
    this.#tables = ledgerTables(db);
    this.#pages = new DuePages(db, this.#tables, pageRowsMax);
    this.#removals = new Removals(db, this.#tables);
  }

  /** What these periods have made due by now. */
  async cutoffs(periods: RetentionPeriods): Promise<Cutoffs> {
    const [clock] = await clockStatement().run(this.#db, {});
    return cutoffsOf(periods, clock!.nowUs);
  }

  /** What `prune` would remove, changing nothing. */
  async count(
    cutoffs: Cutoffs,
    { signal, onProgress }: Pick<PruneRequest, 'signal' | 'onProgress'>,
  ): Promise<PruneSummary> {
    const startedAtMs = performance.now();
    let counts = nothingPruned;
    const add = (delegations: number, activity: number): void => {
      counts = withCounts(counts, { ...nothingPruned, delegations, activity });
      onProgress?.(counts);
    };
    const atOnce = <Page>(read: () => Promise<Page>) => read();
    for await (const { delegations, activity } of this.#pages.delegationCounts(cutoffs, atOnce)) {
      if (signal.aborted) break;
      add(delegations, activity);
    }
    for await (const { activity } of this.#pages.activityCounts(cutoffs, atOnce)) {
      if (signal.aborted) break;
      add(0, activity);
    }
    return summaryOf(counts, cutoffs, { dryRun: true, interrupted: signal.aborted, startedAtMs });
  }

  /** Logs prune.failed and throws when the database fails. What was removed before that stays removed. */
  async prune(cutoffs: Cutoffs, request: PruneRequest): Promise<PruneSummary> {
    const { trigger } = request;
    const startedAtMs = performance.now();
    let counts = nothingPruned;
    const counting = (more: PruneCounts): PruneCounts => {
      counts = withCounts(counts, more);
      request.onProgress?.(counts);
      return counts;
    };
    try {
      await requireRights(this.#db, this.#tables, cutoffs);
      const interrupted = !(await this.#remove(cutoffs, request, startedAtMs, counting));
      const summary = summaryOf(counts, cutoffs, { dryRun: false, interrupted, startedAtMs });
      const { dryRun: _, refusal, ...fields } = summary;
      this.#log.emit('prune.completed', { trigger, ...fields });
      if (refusal !== null) this.#log.emit('prune.refused', { refused: summary.refused, ...refusal });
      return summary;
    } catch (err) {
      const durationMs = Math.round(performance.now() - startedAtMs);
      const { delegations, activity } = counts;
      const about = { err: errorFields(err), durationMs, retryable: isRetryable(err) };
      this.#log.emit('prune.failed', { trigger, delegations, activity, ...about });
      throw err;
    }
  }

  /** False: it was ended before its end. */
  async #remove(
    cutoffs: Cutoffs,
    { signal, endAfterMs = Number.POSITIVE_INFINITY }: PruneRequest,
    startedAtMs: number,
    counting: (more: PruneCounts) => PruneCounts,
  ): Promise<boolean> {
    const pace = new Pace();
    const reading = <Page>(read: () => Promise<Page>) => pace.of(0, signal, read);
    const isOver = () => signal.aborted || performance.now() - startedAtMs >= endAfterMs;
    const inBatches = async (
      ids: readonly string[],
      remove: (some: readonly string[]) => Promise<PruneCounts>,
    ): Promise<boolean> => {
      for (let from = 0; from < ids.length; ) {
        if (isOver()) return false;
        const some = ids.slice(from, from + pace.rowsMax);
        const { refused } = counting(await pace.of(some.length, signal, () => remove(some)));
        if (refused >= REFUSED_MAX) return false;
        from += some.length;
      }
      return !isOver();
    };
    for await (const { ids } of this.#pages.delegations(cutoffs, reading)) {
      if (!(await inBatches(ids, (some) => this.#removals.delegations(some, cutoffs)))) return false;
    }
    for await (const { ids } of this.#pages.activity(cutoffs, reading)) {
      if (!(await inBatches(ids, (some) => this.#removals.activity(some, cutoffs)))) return false;
    }
    return true;
  }
}

interface About {
  readonly dryRun: boolean;
  readonly interrupted: boolean;
  readonly startedAtMs: number;
}

function summaryOf(
  counts: PruneCounts,
  { delegationsBefore, activityBefore }: Cutoffs,
  { startedAtMs, ...about }: About,
): PruneSummary {
  const iso = (at: Micros): string => dateOf(at).toISOString();
  return {
    ...about,
    ...counts,
    durationMs: Math.round(performance.now() - startedAtMs),
    delegationsBefore: delegationsBefore === null ? null : iso(delegationsBefore),
    activityBefore: iso(activityBefore),
  };
}
