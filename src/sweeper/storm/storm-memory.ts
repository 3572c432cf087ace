import type { LedgerDb } from '../../db/schema.ts';
import type { Micros } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { beginHoldStatement } from './statements/begin-hold.ts';
import { keepStatement } from './statements/keep.ts';
import { recallStatement } from './statements/recall.ts';
import type { StormState } from './storm-guard.ts';

/** The silent rows that a sweep left, for the next one to see how many of them came back. */
export interface Watched {
  readonly rows: number;
  /** They were last heard before this instant, and not overdue at the other. */
  readonly beforeUs: Micros;
  readonly atUs: Micros;
}

export interface Recalled {
  readonly state: StormState;
  /** Rows watched by the sweep before that are silent no more: heard again, or finished by somebody else. */
  readonly cameBack: number;
}

/** What is kept of a storm in `sweeper_state`. Written by the sweep that has the lease, and by no other. */
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

  /** To be asked before the sweep marks anything: what it fails for its deadline has not come back. */
  async recall(staleness: Staleness): Promise<Recalled> {
    const { cameBackSoFar, watched, stillSilent, ...kept } = (await this.#recall.run(this.#db, { staleness }))[0]!;
    return { state: { ...kept, cameBack: cameBackSoFar }, cameBack: Math.max(0, watched - stillSilent) };
  }

  /** A hold from this instant on, before anything is counted: a sweep that dies of the counting has held. */
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
