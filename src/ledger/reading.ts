import type { LedgerDb } from '../db/schema.ts';
import type { Activity } from './activity.ts';
import { assertId } from './arguments.ts';
import type { Delegation } from './delegation.ts';
import { getStatement, historyStatement } from './statements/read.ts';
import type { LedgerTables } from './tables.ts';

/** Reads one delegation. */
export class Reading {
  readonly #db: LedgerDb;
  readonly #get: ReturnType<typeof getStatement>;
  readonly #history: ReturnType<typeof historyStatement>;

  constructor(db: LedgerDb, tables: LedgerTables) {
    this.#db = db;
    this.#get = getStatement(tables);
    this.#history = historyStatement(tables);
  }

  /** @throws InvalidArgumentError, or the database's error. */
  async get(delegationId: string): Promise<Delegation | null> {
    assertId('delegationId', delegationId);
    const [row] = await this.#get.run(this.#db, { delegationId });
    return row ?? null;
  }

  /** @throws InvalidArgumentError, or the database's error. */
  async history(delegationId: string): Promise<Activity[]> {
    assertId('delegationId', delegationId);
    return this.#history.run(this.#db, { delegationId });
  }
}
