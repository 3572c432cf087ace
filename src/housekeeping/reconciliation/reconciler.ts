import { boundedRead } from '../../db/bounded-read.ts';
import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { isTimeout, mayConcernOneRow, sqlstate } from '../../db/sqlstate.ts';
import { inHalves } from '../../ledger/in-halves.ts';
import { errorFields } from '../../log/error-fields.ts';
import { type BatchBounds, nextBatchRows } from '../batch-rows.ts';
import type { Healing } from './healing.ts';
import { requireRights } from './rights.ts';
import { reconcileStatement } from './statements/reconcile.ts';
import { suspectActivitiesStatement } from './statements/suspect-activities.ts';
import { suspectRowsStatement } from './statements/suspect-rows.ts';
import { claimUnhealableStatement, forgetUnhealableStatement } from './statements/unhealable.ts';
import { type ReconcilerTables, reconcilerTables } from './tables.ts';

export interface ReconcilerOptions {
  /** Rows that one statement reads. */
  readonly pageRowsMax?: number;
  /** Limit of one statement on the server. */
  readonly statementLimitMs?: number;
  /** Delegations that one transaction locks. */
  readonly batchRowsMax?: number;
}

/** What one step looked at, and what it found. */
export interface ReconcilerStep {
  readonly delegations: number;
  readonly activities: number;
  readonly healings: readonly Healing[];
}

const PAGE_ROWS_MAX = 5_000;
/** A statement over fewer rows that takes too long does not do so because of their number. */
const PAGE_ROWS_MIN = 10;
/** Delegations of the first transaction, before it is known how long one takes here, and of the largest. */
const BATCH_ROWS_START = 10;
const BATCH_ROWS_MAX = 100;
/** Limit of one statement on the server. */
const STATEMENT_LIMIT_MS = 30_000;
/** How long a batch waits for a row that is locked, while it keeps others locked. */
const LOCK_LIMIT_MS = 50;

type Scan = ReturnType<typeof suspectRowsStatement>;
type Page = Awaited<ReturnType<Scan['run']>>[number];

const NO_ROWS: Page = { lastId: null, count: 0, suspects: [] };

/**
 * Compares all delegations with their activity, and heals what disagrees. Two scans find suspects, without a lock and along
 * primary keys, so that memory is bounded: one of the rows, one of the activity, for rows that are missing. Each suspect is
 * judged again under its lock and healed by delegation_reconcile, in small transactions. Safe beside agents, sweeps and
 * other runs; ended at any step, the rest is left to the next run. Throws the database's error.
 */
export class Reconciler {
  readonly #db: LedgerDb;
  readonly #tables: ReconcilerTables;
  readonly #pageRowsMax: number;
  readonly #batchBounds: BatchBounds;
  #batchRows: number;
  readonly #statementLimitMs: number;
  readonly #rows: Scan;
  readonly #activities: Scan;
  readonly #reconcile: ReturnType<typeof reconcileStatement>;
  readonly #claim: ReturnType<typeof claimUnhealableStatement>;
  readonly #forget: ReturnType<typeof forgetUnhealableStatement>;

  constructor(db: LedgerDb, options: ReconcilerOptions = {}) {
    const tables = reconcilerTables(db);
    this.#db = db;
    this.#tables = tables;
    this.#pageRowsMax = options.pageRowsMax ?? PAGE_ROWS_MAX;
    this.#batchBounds = { rowsMin: 1, rowsMax: options.batchRowsMax ?? BATCH_ROWS_MAX };
    this.#batchRows = Math.min(BATCH_ROWS_START, this.#batchBounds.rowsMax);
    this.#statementLimitMs = options.statementLimitMs ?? STATEMENT_LIMIT_MS;
    this.#rows = suspectRowsStatement(tables);
    this.#activities = suspectActivitiesStatement(tables);
    this.#reconcile = reconcileStatement(tables);
    this.#claim = claimUnhealableStatement(tables);
    this.#forget = forgetUnhealableStatement(tables);
  }

  /** `dryRun`: changes nothing, and finds what a run would. */
  async *steps({ dryRun }: { readonly dryRun: boolean }): AsyncGenerator<ReconcilerStep> {
    await requireRights(this.#db, this.#tables, dryRun);
    for await (const { count, suspects } of this.#pages(this.#rows)) {
      yield { delegations: count, activities: 0, healings: [] };
      yield* this.#healed(suspects, dryRun);
    }
    for await (const { count, suspects } of this.#pages(this.#activities)) {
      yield { delegations: 0, activities: count, healings: [] };
      yield* this.#healed(suspects, dryRun);
    }
    if (!dryRun) await limited(this.#db, this.#statementLimitMs, (session) => this.#forget.run(session, {}));
  }

  /**
   * By the keyset of the ids. On a cold disk a page may take too long: then the same place is read in smaller pages, since
   * another run would end there as well. They grow again where the disk allows it.
   */
  async *#pages(scan: Scan): AsyncGenerator<Page> {
    let rowsMax = this.#pageRowsMax;
    for (let afterId = ''; ; ) {
      const values = { afterId, rowsMax };
      const startedAtMs = performance.now();
      let page: Page;
      try {
        const read = boundedRead(this.#db, this.#statementLimitMs, (session) => scan.run(session, values));
        page = (await read)[0]!;
      } catch (err) {
        if (!isTimeout(err) || rowsMax <= PAGE_ROWS_MIN) throw err;
        rowsMax = Math.max(PAGE_ROWS_MIN, Math.floor(rowsMax / 2));
        // A step of its own, so that a stop need not wait for the smallest page.
        yield NO_ROWS;
        continue;
      }
      const isFast = performance.now() - startedAtMs < this.#statementLimitMs / 4;
      yield page;
      if (page.count < rowsMax) return;
      afterId = page.lastId!;
      if (isFast) rowsMax = Math.min(this.#pageRowsMax, rowsMax * 2);
    }
  }

  async *#healed(suspects: readonly string[], dryRun: boolean): AsyncGenerator<ReconcilerStep> {
    for (let at = 0; at < suspects.length; ) {
      const some = suspects.slice(at, at + this.#batchRows);
      const startedAtMs = performance.now();
      const healings = await this.#healBatch(some, dryRun);
      const tookMs = performance.now() - startedAtMs;
      this.#batchRows = nextBatchRows(this.#batchRows, { rows: some.length, tookMs }, this.#batchBounds);
      at += some.length;
      yield { delegations: 0, activities: 0, healings: dryRun ? healings : await this.#unreported(healings) };
    }
  }

  async #healBatch(ids: readonly string[], dryRun: boolean): Promise<readonly Healing[]> {
    const healings: Healing[] = [];
    await inHalves(
      ids,
      async (some) => {
        const found = await this.#inTransaction(dryRun, (session) =>
          this.#reconcile.run(session, { ids: some, dryRun }),
        );
        healings.push(...found.map((healing) => ({ ...healing, err: null })));
      },
      (some, error) => {
        if (!mayConcernOneRow(error)) throw error;
        const err = errorFields(error);
        const outcome = err.code === sqlstate.lockNotAvailable ? 'locked' : 'failed';
        healings.push(
          ...some.map((delegationId) => ({ delegationId, kind: null, outcome, from: null, to: null, err }) as const),
        );
      },
    );
    return healings;
  }

  /** A dry run judges by one snapshot, where a run has locks. */
  #inTransaction<Result>(dryRun: boolean, work: (db: LedgerDb) => Promise<Result>): Promise<Result> {
    if (dryRun) return boundedRead(this.#db, this.#statementLimitMs, work, { snapshot: true });
    return limited(this.#db, this.#statementLimitMs, work, { lockTimeoutMs: LOCK_LIMIT_MS });
  }

  /** Without those that an earlier run has reported as impossible. */
  async #unreported(healings: readonly Healing[]): Promise<readonly Healing[]> {
    const ids = healings.filter(({ outcome }) => outcome === 'impossible').map(({ delegationId }) => delegationId);
    if (ids.length === 0) return healings;
    const claimed = await limited(this.#db, this.#statementLimitMs, (session) => this.#claim.run(session, { ids }));
    const isNew = new Set(claimed.map(({ delegationId }) => delegationId));
    return healings.filter(({ outcome, delegationId }) => outcome !== 'impossible' || isNew.has(delegationId));
  }
}
