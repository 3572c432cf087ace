import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { SweeperTables } from '../tables.ts';
import type { Counts } from './callee-counts.ts';
import { addCountsStatement } from './statements/add-counts.ts';

/** The sweep waits at most this long for it. */
const LIMIT_MS = 5_000;

/** Stores how long the delegations were silent that a sweep marked. */
export class MarkCounts {
  readonly #db: LedgerDb;
  readonly #add: ReturnType<typeof addCountsStatement>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#add = addCountsStatement(tables);
  }

  /** @throws the database's error; what it was to store is then lost. */
  async store(detected: Counts): Promise<void> {
    if (detected.size === 0) return;
    const counts = detected.drain();
    await limited(this.#db, LIMIT_MS, (session) => this.#add.run(session, { counts }));
  }
}
