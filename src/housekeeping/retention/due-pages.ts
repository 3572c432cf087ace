import { boundedRead } from '../../db/bounded-read.ts';
import { ISO_MIN_MS, MICROS_PER_MS } from '../../db/instant.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { LedgerTables } from '../../ledger/tables.ts';
import { terminalStatuses } from '../../ledger/transitions.ts';
import type { Cutoffs } from './cutoffs.ts';
import { countActivityStatement, dueActivityStatement } from './statements/due-activity.ts';
import { countDelegationsStatement, dueDelegationsStatement } from './statements/due-delegations.ts';

/** Rows of one page. */
const PAGE_ROWS_MAX = 2000;
/** Limit of one page on the server. */
const PAGE_LIMIT_MS = 30_000;

/** How the pages are read: at the pace of the removals between them, or as fast as it goes. */
export type PageReading = <Page>(read: () => Promise<Page>) => Promise<Page>;

/**
 * Reads what is due, a page at a time, by a keyset: each row once, however many of them stay. All methods throw the
 * database's error.
 */
export class DuePages {
  readonly #db: LedgerDb;
  readonly #pageRowsMax: number;
  readonly #delegations: readonly ReturnType<typeof dueDelegationsStatement>[];
  readonly #delegationCounts: readonly ReturnType<typeof countDelegationsStatement>[];
  readonly #activity: ReturnType<typeof dueActivityStatement>;
  readonly #activityCounts: ReturnType<typeof countActivityStatement>;

  constructor(db: LedgerDb, tables: LedgerTables, pageRowsMax = PAGE_ROWS_MAX) {
    this.#db = db;
    this.#pageRowsMax = pageRowsMax;
    this.#delegations = terminalStatuses.map((status) => dueDelegationsStatement(tables, status));
    this.#delegationCounts = terminalStatuses.map((status) => countDelegationsStatement(tables, status));
    this.#activity = dueActivityStatement(tables);
    this.#activityCounts = countActivityStatement(tables);
  }

  /** The ids of delegations that are due. */
  delegations(cutoffs: Cutoffs, reading: PageReading) {
    return this.#pagesOfDelegations(this.#delegations, cutoffs, reading);
  }

  delegationCounts(cutoffs: Cutoffs, reading: PageReading) {
    return this.#pagesOfDelegations(this.#delegationCounts, cutoffs, reading);
  }

  /** The ids whose activity is due. */
  activity(cutoffs: Cutoffs, reading: PageReading) {
    return this.#pagesOfActivity(this.#activity, cutoffs, reading);
  }

  activityCounts(cutoffs: Cutoffs, reading: PageReading) {
    return this.#pagesOfActivity(this.#activityCounts, cutoffs, reading);
  }

  async *#pagesOfDelegations<Page extends PageOfDelegations>(
    statements: readonly PageStatement<DelegationValues, Page>[],
    cutoffs: Cutoffs,
    reading: PageReading,
  ): AsyncGenerator<Page> {
    if (cutoffs.delegationsBefore === null) return;
    const rowsMax = this.#pageRowsMax;
    for (const statement of statements) {
      let after = { afterUs: ISO_MIN_MS * MICROS_PER_MS, afterId: '' };
      for (;;) {
        const page = await reading(() => this.#read(statement, { ...cutoffs, ...after, rowsMax }));
        yield page;
        if (page.read < rowsMax) break;
        after = { afterUs: page.lastUs!, afterId: page.lastId! };
      }
    }
  }

  async *#pagesOfActivity<Page extends PageOfActivity>(
    statement: PageStatement<ActivityValues, Page>,
    cutoffs: Cutoffs,
    reading: PageReading,
  ): AsyncGenerator<Page> {
    const rowsMax = this.#pageRowsMax;
    for (let afterId = 0; ; ) {
      const page = await reading(() => this.#read(statement, { ...cutoffs, afterId, rowsMax }));
      yield page;
      if (page.read < rowsMax || page.old === 0) return;
      afterId = page.lastId!;
    }
  }

  async #read<Values, Page>(statement: PageStatement<Values, Page>, values: Values): Promise<Page> {
    const [page] = await boundedRead(this.#db, PAGE_LIMIT_MS, (db) => statement.run(db, values));
    return page!;
  }
}

interface PageStatement<Values, Page> {
  run(db: LedgerDb, values: Values): Promise<Page[]>;
}

interface PageOfDelegations {
  readonly read: number;
  readonly lastUs: number | null;
  readonly lastId: string | null;
}

interface PageOfActivity {
  readonly read: number;
  readonly old: number;
  readonly lastId: number | null;
}

type DelegationValues = Cutoffs & { readonly afterUs: number; readonly afterId: string; readonly rowsMax: number };
type ActivityValues = Cutoffs & { readonly afterId: number; readonly rowsMax: number };
