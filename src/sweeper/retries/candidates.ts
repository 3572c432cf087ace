import { boundedRead } from '../../db/bounded-read.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { SweeperTables } from '../tables.ts';
import type { Candidate } from './statements/candidates.ts';
import {
  calleeCandidatesStatement,
  namedCandidatesStatement,
  sweepCandidatesStatement,
} from './statements/candidates.ts';

/** Which delegations are to be tried again. */
export type Selection =
  | { readonly by: 'ids'; readonly ids: readonly string[] }
  | { readonly by: 'sweep'; readonly sweepId: string }
  /** What this callee left failed or stuck after `sinceUs` and up to `untilUs`, by the database's clock. */
  | { readonly by: 'callee'; readonly calleeId: string; readonly sinceUs: number; readonly untilUs: number };

export type CalleeSelection = Extract<Selection, { by: 'callee' }>;

/** Limit of one read on the server. */
const READ_LIMIT_MS = 30_000;

/** Reads what is selected, a page at a time. Throws the database's error. */
export class Candidates {
  readonly #db: LedgerDb;
  readonly #rowsMax: number;
  readonly #named: ReturnType<typeof namedCandidatesStatement>;
  readonly #ofSweep: ReturnType<typeof sweepCandidatesStatement>;
  readonly #ofCallee: ReturnType<typeof calleeCandidatesStatement>;

  constructor(db: LedgerDb, tables: SweeperTables, rowsMax: number) {
    this.#db = db;
    this.#rowsMax = rowsMax;
    this.#named = namedCandidatesStatement(tables);
    this.#ofSweep = sweepCandidatesStatement(tables);
    this.#ofCallee = calleeCandidatesStatement(tables);
  }

  pages(selection: Selection): AsyncGenerator<readonly Candidate[]> {
    switch (selection.by) {
      case 'ids':
        return this.#pagesOfIds([...new Set(selection.ids)]);
      case 'sweep':
        return this.#pagesOfSweep(selection.sweepId);
      case 'callee':
        return this.#pagesOfCallee(selection);
    }
  }

  async *#pagesOfIds(ids: readonly string[]): AsyncGenerator<readonly Candidate[]> {
    for (let from = 0; from < ids.length; from += this.#rowsMax) {
      const page = ids.slice(from, from + this.#rowsMax);
      yield await this.#read((db) => this.#named.run(db, { ids: page }));
    }
  }

  async *#pagesOfSweep(sweepId: string): AsyncGenerator<readonly Candidate[]> {
    const rowsMax = this.#rowsMax;
    for (let afterId = 0; ; ) {
      const page = await this.#read((db) => this.#ofSweep.run(db, { sweepId, afterId, rowsMax }));
      if (page.length > 0) yield page;
      if (page.length < rowsMax) return;
      afterId = page.at(-1)!.activityId;
    }
  }

  async *#pagesOfCallee({ calleeId, sinceUs, untilUs }: CalleeSelection): AsyncGenerator<readonly Candidate[]> {
    const rowsMax = this.#rowsMax;
    let after = { afterUs: sinceUs, afterId: '' };
    for (;;) {
      const values = { calleeId, ...after, untilUs, rowsMax };
      const page = await this.#read((db) => this.#ofCallee.run(db, values));
      if (page.length > 0) yield page;
      if (page.length < rowsMax) return;
      const { finishedUs, delegationId } = page.at(-1)!;
      after = { afterUs: finishedUs, afterId: delegationId };
    }
  }

  #read<Row>(read: (db: LedgerDb) => Promise<Row[]>): Promise<Row[]> {
    return boundedRead(this.#db, READ_LIMIT_MS, read);
  }
}
