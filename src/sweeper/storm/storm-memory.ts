import type { LedgerDb } from '../../db/schema.ts';
import type { Micros } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { beginHoldStatement } from './statements/begin-hold.ts';
import { keepStatement } from './statements/keep.ts';
import { recallStatement } from './statements/recall.ts';
import type { StormState } from './storm-guard.ts';

/** The silent rows that a sweep left, so that the next one can count how many of them were heard again. */
export interface Watched {
  readonly rows: number;
  /** They were last heard before the first instant, and not overdue at the second. */
  readonly beforeUs: Micros;
  readonly atUs: Micros;
}

export interface Recalled {
  readonly state: StormState;
  /** Rows watched by the sweep before that are not silent any more: heard again, or finished by another client. */
  readonly cameBack: number;
}

/** What is stored about a storm in `sweeper_state`. Written only by the sweep that has the lease. */
export class StormMemory {
  readonly #db: LedgerDb;
  readonly #recall: ReturnType<typeof recallStatement>;
  readonly #begin: ReturnType<typeof beginHoldStatement>;
  readonly #keep: ReturnType<typeof keepStatement>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#recall = recallStatement(tables);
    this.#begin = beginHoldStatement(tables);
    this.#keep = keepStatement(tables);
  }

  /** To be called before the sweep marks anything: a row that it fails for its deadline was not heard again. */
  async recall(staleness: Staleness): Promise<Recalled> {
    const { cameBackSoFar, watched, stillSilent, ...kept } = (await this.#recall.run(this.#db, { staleness }))[0]!;
    return { state: { ...kept, cameBack: cameBackSoFar }, cameBack: Math.max(0, watched - stillSilent) };
  }

  /** Records a hold from this instant, for a sweep that could not count: so it ends at some time, whatever fails. */
  async begin(sweepId: string, nowUs: Micros): Promise<void> {
    await this.#begin.run(this.#db, { sweepId, now: nowUs });
  }

  async keep(sweepId: string, state: StormState, watched: Watched | null): Promise<void> {
    await this.#keep.run(this.#db, {
      sweepId,
      formingSince: state.formingSinceUs,
      heldSince: state.heldSinceUs,
      releasedAt: state.releasedAtUs,
      releasedWhy: state.releasedWhy,
      partialSince: state.partialSinceUs,
      cameBack: state.cameBack,
      cameBackAt: state.cameBackAtUs,
      watched: watched?.rows ?? 0,
      watchedBefore: watched?.beforeUs ?? null,
      watchedAt: watched?.atUs ?? null,
    });
  }
}
