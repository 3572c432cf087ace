import type { LedgerDb } from '../../db/schema.ts';
import { lockStateStatement } from '../statements/lock-state.ts';
import type { SweeperTables } from '../tables.ts';
import { agreeStatement } from './statements/agree.ts';
import { redateLoweringStatement } from './statements/redate-lowering.ts';

/**
 * The threshold that all daemons judge by: the longest among those with a recent beat. Stored in sweeper_threshold,
 * which changes only when the threshold does, since every heartbeat reads it; and in sweeper_state, where a library of
 * version 0.1.0 reads it, and where a daemon of 0.1.0 writes its own.
 */
export class Agreement {
  readonly #db: LedgerDb;
  readonly #lock: ReturnType<typeof lockStateStatement>;
  readonly #agree: ReturnType<typeof agreeStatement>;
  readonly #redate: ReturnType<typeof redateLoweringStatement>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#lock = lockStateStatement(tables);
    this.#agree = agreeStatement(tables);
    this.#redate = redateLoweringStatement(tables);
  }

  /** Returns the threshold now in force, in ms. @throws the database's error. */
  async reach(daemonId: string, stuckAfterMs: number): Promise<number> {
    const { inForceMs, loweredAtUs } = await this.#db.transaction().execute(async (transaction) => {
      // A separate statement, so that the next one sees what others have committed meanwhile.
      await this.#lock.run(transaction, {});
      return (await this.#agree.run(transaction, { daemonId, stuckAfterMs }))[0]!;
    });
    if (loweredAtUs !== null) await this.#redate.run(this.#db, { loweredAt: loweredAtUs });
    return inForceMs;
  }
}
