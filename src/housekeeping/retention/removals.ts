import type { Micros } from '../../db/instant.ts';
import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { mayConcernOneRow, sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { inHalves } from '../../ledger/in-halves.ts';
import type { LedgerTables } from '../../ledger/tables.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { Cutoffs } from './cutoffs.ts';
import { nothingPruned, type PruneCounts } from './prune-summary.ts';
import { beginBatchStatement } from './statements/begin-batch.ts';
import { lockDelegationsStatement } from './statements/lock-delegations.ts';
import { removeActivityStatement } from './statements/remove-activity.ts';
import { removeDelegationsStatement } from './statements/remove-delegations.ts';

/** Limit of one batch on the server. */
const BATCH_LIMIT_MS = 30_000;
/** How long a removal waits for a lock that it cannot skip, such as that of a row that refers to it. Its own are held meanwhile. */
const LOCK_TIMEOUT_MS = 50;

/** Removes batches, a transaction each. One id whose removal the database refuses stops no other. Throws the database's error. */
export class Removals {
  readonly #db: LedgerDb;
  readonly #begin: ReturnType<typeof beginBatchStatement>;
  readonly #lock: ReturnType<typeof lockDelegationsStatement>;
  readonly #delegations: ReturnType<typeof removeDelegationsStatement>;
  readonly #activity: ReturnType<typeof removeActivityStatement>;

  constructor(db: LedgerDb, tables: LedgerTables) {
    this.#db = db;
    this.#begin = beginBatchStatement(tables);
    this.#lock = lockDelegationsStatement(tables);
    this.#delegations = removeDelegationsStatement(tables);
    this.#activity = removeActivityStatement(tables);
  }

  delegations(ids: readonly string[], cutoffs: Cutoffs): Promise<PruneCounts> {
    const noted = { delegationsBefore: cutoffs.delegationsBefore, activityBefore: null };
    return this.#inHalves(ids, noted, async (session, some) => {
      const locked = await this.#lock.run(session, { ids: some });
      const lockedIds = locked.map(({ delegationId }) => delegationId);
      const [removed] = await this.#delegations.run(session, { ...cutoffs, ids: lockedIds });
      return { ...removed!, skipped: some.length - removed!.delegations };
    });
  }

  activity(ids: readonly string[], cutoffs: Cutoffs): Promise<PruneCounts> {
    const noted = {
      delegationsBefore: null,
      activityBefore: cutoffs.ofKeptDelegations ? cutoffs.activityBefore : null,
    };
    return this.#inHalves(ids, noted, async (session, some) => {
      // Of ids without a row there is nothing to lock.
      const locked = cutoffs.ofKeptDelegations ? await this.#lock.run(session, { ids: some }) : [];
      const lockedIds = locked.map(({ delegationId }) => delegationId);
      const [removed] = await this.#activity.run(session, { ...cutoffs, ids: some, lockedIds });
      return { ...removed!, delegations: 0 };
    });
  }

  async #inHalves(
    ids: readonly string[],
    noted: Noted,
    remove: (
      session: LedgerDb,
      some: readonly string[],
    ) => Promise<Pick<PruneCounts, 'delegations' | 'activity' | 'skipped'>>,
  ): Promise<PruneCounts> {
    let counts = nothingPruned;
    await inHalves(
      ids,
      async (some) => {
        const removed = await limited(this.#db, BATCH_LIMIT_MS, async (session) => {
          await this.#begin.run(session, { ...noted, lockTimeoutMs: LOCK_TIMEOUT_MS });
          return remove(session, some);
        });
        counts = withCounts(counts, { ...nothingPruned, ...removed, batches: 1 });
      },
      (some, error) => {
        if (!mayConcernOneRow(error)) throw error;
        // Something that refers to the row is locked: the next prune tries again.
        if (sqlstateOf(error) === sqlstate.lockNotAvailable) {
          counts = withCounts(counts, { ...nothingPruned, skipped: some.length });
          return;
        }
        const refusal = { delegationId: some[0]!, err: errorFields(error) };
        counts = withCounts(counts, { ...nothingPruned, refused: some.length, refusal });
      },
    );
    return counts;
  }
}

/** Up to when a batch removes from each table; null: not from this one. */
interface Noted {
  readonly delegationsBefore: Micros | null;
  readonly activityBefore: Micros | null;
}

/** The sum of both; the first refusal stays. */
export function withCounts(counts: PruneCounts, more: PruneCounts): PruneCounts {
  return {
    delegations: counts.delegations + more.delegations,
    activity: counts.activity + more.activity,
    skipped: counts.skipped + more.skipped,
    refused: counts.refused + more.refused,
    refusal: counts.refusal ?? more.refusal,
    batches: counts.batches + more.batches,
  };
}
