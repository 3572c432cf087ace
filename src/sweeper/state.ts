import type { LedgerDb } from '../db/schema.ts';
import { Statement } from '../db/statement.ts';
import { timestampOf } from './instant.ts';
import type { StormState } from './storm/storm-guard.ts';
import type { SweeperTables } from './tables.ts';

export class SweeperState {
  readonly #db: LedgerDb;
  readonly #storm: Statement<never>;

  constructor(db: LedgerDb, { sweeperState }: SweeperTables) {
    this.#db = db;
    this.#storm = new Statement(`
UPDATE ${sweeperState} SET storm_held_since = ${timestampOf('$1')}, storm_released_at = ${timestampOf('$2')}
WHERE singleton`);
  }

  async keepStorm({ heldSinceUs, releasedAtUs }: StormState): Promise<void> {
    await this.#storm.run(this.#db, [heldSinceUs, releasedAtUs]);
  }
}
