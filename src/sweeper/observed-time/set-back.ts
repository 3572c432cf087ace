import type { LedgerDb } from '../../db/schema.ts';
import type { Micros } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';
import { BATCH_ROWS, futureHeartbeatsStatement } from './statements/future-heartbeats.ts';
import { futureSpecialRowsStatement } from './statements/future-special-rows.ts';
import { futureStateStatement } from './statements/future-state.ts';

/** No fleet is larger than this many batches; the next beat continues with the rest. */
const BATCHES_MAX = 10_000;

/**
 * For when the database's clock was set back: sets instants that lie in the future to now, by the clock of each statement. A heartbeat from the
 * future would keep a dead agent's delegation from being stale until the clock has caught up.
 */
export class SetBack {
  readonly #db: LedgerDb;
  readonly #heartbeats: ReturnType<typeof futureHeartbeatsStatement>;
  readonly #specialRows: ReturnType<typeof futureSpecialRowsStatement>;
  readonly #state: ReturnType<typeof futureStateStatement>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#heartbeats = futureHeartbeatsStatement(tables);
    this.#specialRows = futureSpecialRowsStatement(tables);
    this.#state = futureStateStatement(tables);
  }

  /** From `nowUs` on, which the clock showed. Repeating it changes nothing. @throws the database's error. */
  async takeBack(nowUs: Micros): Promise<void> {
    await this.#state.run(this.#db, {});
    await this.#takeBackPlain();
    await this.#takeBackSpecial(nowUs);
  }

  async #takeBackPlain(): Promise<void> {
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const rows = await this.#heartbeats.run(this.#db, {});
      if (rows.length < BATCH_ROWS) return;
    }
  }

  async #takeBackSpecial(nowUs: Micros): Promise<void> {
    let after = { afterAt: nowUs, afterId: '' };
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const [last] = await this.#specialRows.run(this.#db, after);
      if (last === undefined) return;
      after = { afterAt: last.suspectAtUs, afterId: last.delegationId };
    }
  }
}
