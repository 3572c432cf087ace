import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { mayConcernOneRow } from '../../db/sqlstate.ts';
import { clockStatement } from '../../db/statements/clock.ts';
import { retriableStatuses } from '../../ledger/functions/retry.ts';
import { inHalves } from '../../ledger/in-halves.ts';
import type { Status } from '../../ledger/transitions.ts';
import { errorFields } from '../../log/error-fields.ts';
import { MICROS_PER_MS } from '../instant.ts';
import { sweeperTables } from '../tables.ts';
import { type CalleeSelection, Candidates, type Selection } from './candidates.ts';
import type { Candidate } from './statements/candidates.ts';
import { retryManyStatement } from './statements/retry-many.ts';

/** What came of one delegation, or would. */
export interface RetryRow {
  /** The delegation that is tried again. */
  readonly retryOf: string;
  /**
   * `inserted`: by a new one. `duplicate`: it was before. `refused`: it is open or completed, or a result came late and it
   * was not named itself. `missing`: unknown. `failed`: the database refused it, see `err`.
   */
  readonly outcome: 'inserted' | 'duplicate' | 'refused' | 'missing' | 'failed';
  /** The delegation that tries it again; null where there is none, and in a rehearsal of one that is not there yet. */
  readonly delegationId: string | null;
  /** Which attempt that is. */
  readonly attempt: number | null;
  /** Of `retryOf`. */
  readonly status: Status | null;
  /** A result of it came late. */
  readonly lateResult: boolean;
  readonly err: { readonly code: string | null; readonly message: string } | null;
}

/** Delegations in one transaction. */
const BATCH_ROWS_MAX = 500;
/** Limit of one batch on the server. */
const BATCH_LIMIT_MS = 30_000;

/**
 * Tries many delegations again, in batches of one transaction each. One that the database refuses stops no other. What was
 * not named by its id is left alone where a result of it came late. Throws the database's error.
 */
export class ManyRetries {
  readonly #db: LedgerDb;
  readonly #candidates: Candidates;
  readonly #retry: ReturnType<typeof retryManyStatement>;
  readonly #clock = clockStatement();

  constructor(db: LedgerDb, { batchRowsMax = BATCH_ROWS_MAX }: { readonly batchRowsMax?: number } = {}) {
    const tables = sweeperTables(db);
    this.#db = db;
    this.#candidates = new Candidates(db, tables, batchRowsMax);
    this.#retry = retryManyStatement(tables);
  }

  /** What a callee left undone in the last `sinceMs`. It stays what it is now, however much later it is used. */
  async ofCallee(calleeId: string, sinceMs: number): Promise<CalleeSelection> {
    const [clock] = await this.#clock.run(this.#db, {});
    const untilUs = clock!.nowUs;
    return { by: 'callee', calleeId, sinceUs: untilUs - sinceMs * MICROS_PER_MS, untilUs };
  }

  /** What `retry` would do, changing nothing. */
  async *rehearse(selection: Selection): AsyncGenerator<readonly RetryRow[]> {
    for await (const page of this.#candidates.pages(selection)) {
      yield page.map((candidate) => foreseen(candidate, selection));
    }
  }

  /**
   * What came of each, batch by batch. It ends between two batches where its reader does. Where the database fails, what was
   * done before that comes first, and then the error.
   */
  async *retry(selection: Selection, actor: string): AsyncGenerator<readonly RetryRow[]> {
    for await (const page of this.#candidates.pages(selection)) {
      const rows = page.map((candidate) => foreseen(candidate, selection));
      const { done, error } = await this.#retryAll(
        rows.filter(({ outcome }) => outcome === 'inserted'),
        actor,
        selection,
      );
      const known = rows.filter(({ retryOf, outcome }) => outcome !== 'inserted' || done.has(retryOf));
      yield known.map((row) => done.get(row.retryOf) ?? row);
      if (error !== null) throw error;
    }
  }

  async #retryAll(
    rows: readonly RetryRow[],
    actor: string,
    selection: Selection,
  ): Promise<{ readonly done: ReadonlyMap<string, RetryRow>; readonly error: unknown }> {
    const done = new Map<string, RetryRow>();
    if (rows.length === 0) return { done, error: null };
    const unlessLateResult = sparesLateResults(selection);
    const work = inHalves(
      rows,
      async (some) => {
        const values = { ids: some.map(({ retryOf }) => retryOf), actor, unlessLateResult };
        const answers = await limited(this.#db, BATCH_LIMIT_MS, (session) => this.#retry.run(session, values));
        for (const answer of answers) done.set(answer.retryOf, { ...answer, err: null });
      },
      (some, error) => {
        if (!mayConcernOneRow(error)) throw error;
        const err = errorFields(error);
        for (const row of some) {
          done.set(row.retryOf, { ...row, outcome: 'failed', delegationId: null, attempt: null, err });
        }
      },
    );
    return work.then(
      () => ({ done, error: null }),
      (error: unknown) => ({ done, error }),
    );
  }
}

/** Work that may be done already is done again only by the word of whoever names it. */
function sparesLateResults({ by }: Selection): boolean {
  return by !== 'ids';
}

function foreseen(candidate: Candidate, selection: Selection): RetryRow {
  const { delegationId: retryOf, status, retriedAs, lateResult } = candidate;
  const about = { retryOf, status, lateResult, err: null };
  if (status === null) return { ...about, outcome: 'missing', delegationId: null, attempt: null };
  if (!retriableStatuses.includes(status)) return { ...about, outcome: 'refused', delegationId: null, attempt: null };
  const attempt = candidate.attempt! + 1;
  if (retriedAs !== null) return { ...about, outcome: 'duplicate', delegationId: retriedAs, attempt };
  if (lateResult && sparesLateResults(selection)) {
    return { ...about, outcome: 'refused', delegationId: null, attempt: null };
  }
  return { ...about, outcome: 'inserted', delegationId: null, attempt };
}
