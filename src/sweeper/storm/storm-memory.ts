import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { Micros } from '../instant.ts';
import { type HoldNews, HoldPublication } from '../publishing/hold-publication.ts';
import type { Unpublished } from '../publishing/refused.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { beginHoldStatement } from './statements/begin-hold.ts';
import { keepStatement } from './statements/keep.ts';
import { recallStatement } from './statements/recall.ts';
import type { StormState } from './storm-guard.ts';

/** Limit of a statement that begins or ends a hold, on the server. */
const LIMIT_MS = 10_000;

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
  readonly #publication: HoldPublication;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#recall = recallStatement(tables);
    this.#begin = beginHoldStatement(tables);
    this.#keep = keepStatement(tables);
    this.#publication = new HoldPublication(tables);
  }

  /** To be called before the sweep marks anything: a row that it fails for its deadline was not heard again. */
  async recall(staleness: Staleness): Promise<Recalled> {
    const { cameBackSoFar, watched, stillSilent, ...kept } = (await this.#recall.run(this.#db, { staleness }))[0]!;
    return { state: { ...kept, cameBack: cameBackSoFar }, cameBack: Math.max(0, watched - stillSilent) };
  }

  /** Records a hold from this instant, for a sweep that could not count: so it ends at some time, whatever fails. Returns as `keep`. */
  begin(sweepId: string, nowUs: Micros, news: HoldNews): Promise<Unpublished | null> {
    return this.#told(sweepId, news, (db) => this.#begin.run(db, { sweepId, now: nowUs }));
  }

  /** `news`: what to publish with it. Returns what some queue did not take of that. */
  async keep(
    sweepId: string,
    state: StormState,
    watched: Watched | null,
    news: HoldNews | null,
  ): Promise<Unpublished | null> {
    const values = {
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
    };
    if (news !== null) return this.#told(sweepId, news, (db) => this.#keep.run(db, values));
    await this.#keep.run(this.#db, values);
    return null;
  }

  /** In one transaction: writes, and publishes that, unless another sweep has the lease. */
  #told(
    sweepId: string,
    news: HoldNews,
    write: (db: LedgerDb) => Promise<readonly unknown[]>,
  ): Promise<Unpublished | null> {
    return limited(this.#db, LIMIT_MS, async (db) => {
      const written = await write(db);
      return written.length === 0 ? null : this.#publication.publish(db, sweepId, news);
    });
  }
}
