import type { LedgerDb } from '../../db/schema.ts';
import { lockStateStatement } from '../statements/lock-state.ts';
import type { SweeperTables } from '../tables.ts';
import { agreeStatement } from './statements/agree.ts';
import { dateLoweringStatement } from './statements/date-lowering.ts';

/**
 * The threshold that all daemons judge by: the longest among those with a recent beat. Stored in sweeper_threshold,
 * which changes only when the threshold does, since every heartbeat reads it; and in sweeper_state, where a library of
 * version 0.1.0 reads it, and where a daemon of 0.1.0 writes its own.
 */
export class Agreement {
  readonly #db: LedgerDb;
  readonly #lock: ReturnType<typeof lockStateStatement>;
  readonly #agree: ReturnType<typeof agreeStatement>;
  readonly #date: ReturnType<typeof dateLoweringStatement>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#lock = lockStateStatement(tables);
    this.#agree = agreeStatement(tables);
    this.#date = dateLoweringStatement(tables);
  }

  /** Returns the threshold now in force, in ms. @throws the database's error. */
  async reach(daemonId: string, stuckAfterMs: number): Promise<number> {
    const { inForceMs, wasLowered } = await this.#db.transaction().execute(async (transaction) => {
      // A separate statement, so that the next one sees what others have committed meanwhile.
      await this.#lock.run(transaction, {});
      // One that is left without its instant: its daemon stopped before it could set it.
      await this.#date.run(transaction, {});
      return (await this.#agree.run(transaction, { daemonId, stuckAfterMs }))[0]!;
    });
    if (wasLowered) await this.date();
    return inForceMs;
  }

  /** Sets the instant of a lowering that was committed without. @throws the database's error. */
  async date(): Promise<void> {
    await this.#date.run(this.#db, {});
  }
}
