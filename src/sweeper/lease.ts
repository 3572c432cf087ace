import type { LedgerDb } from '../db/schema.ts';
import type { Opening } from './opening.ts';
import { stateRow } from './state-row.ts';
import { lookStatement } from './statements/look.ts';
import { takeLeaseStatement } from './statements/take-lease.ts';
import { takeLeaseAfterStatement } from './statements/take-lease-after.ts';
import type { SweeperTables } from './tables.ts';

/**
 * The right to mark, in `sweeper_state.sweep_id`: the sweep that wrote it last has it, and any other ends at its next
 * batch. It never runs out; a sweep that died with it is followed by the next one.
 */
export class Lease {
  readonly #db: LedgerDb;
  readonly #take: ReturnType<typeof takeLeaseStatement>;
  readonly #takeAfter: ReturnType<typeof takeLeaseAfterStatement>;
  readonly #look: ReturnType<typeof lookStatement>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#take = takeLeaseStatement(tables);
    this.#takeAfter = takeLeaseAfterStatement(tables);
    this.#look = lookStatement(tables);
  }

  /** Takes the lease and reads the clock. */
  async open(sweepId: string): Promise<Opening> {
    return stateRow((await this.#take.run(this.#db, { sweepId }))[0]);
  }

  /** The same for a sweep between the ticks, unless another sweep than `after` has the lease: null then. */
  async openAfter(sweepId: string, after: string | null): Promise<Opening | null> {
    return (await this.#takeAfter.run(this.#db, { sweepId, after }))[0] ?? null;
  }

  /** The same without the lease: for a sweep that must not mark. */
  async look(): Promise<Opening> {
    return stateRow((await this.#look.run(this.#db, {}))[0]);
  }
}
