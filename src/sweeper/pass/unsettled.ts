import { limited } from '../../db/limited.ts';
import { Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { SweeperTables } from '../tables.ts';

/** A batch whose COMMIT got no answer. */
export interface UnsettledBatch {
  readonly sweepId: string;
  /** Any row of it: they were marked together or not at all. */
  readonly delegationId: string;
  /** Counts and logs the marks. */
  readonly confirm: () => void;
}

/** Kept from sweep to sweep while the database is away; two lanes leave two a pass at most. */
const BATCHES_MAX = 16;
/** Longer than a transaction whose client has vanished keeps its locks. */
const LOOK_TIMEOUT_MS = 15_000;

/** The batches that may have been committed without our knowledge: no mark stays without its log line. */
export class Unsettled {
  readonly #db: LedgerDb;
  readonly #wait: Statement<never>;
  readonly #isRecorded: Statement<{ isRecorded: boolean }>;
  #batches: readonly UnsettledBatch[] = [];

  constructor(db: LedgerDb, { delegations, activityLogs }: SweeperTables) {
    this.#db = db;
    // Behind a COMMIT that is still under way.
    this.#wait = new Statement(`SELECT FROM ${delegations} WHERE delegation_id = $1 FOR NO KEY UPDATE`);
    this.#isRecorded = new Statement(`
SELECT EXISTS (SELECT FROM ${activityLogs}
  WHERE delegation_id = $1 AND actor = 'sweeper' AND detail ->> 'sweepId' = $2) AS "isRecorded"`);
  }

  /** Whether it was committed after all. Throws the database's error, and keeps the batch for a later `settle`. */
  async look(batch: UnsettledBatch): Promise<boolean> {
    try {
      return await limited(this.#db, LOOK_TIMEOUT_MS, async (session) => {
        await this.#wait.run(session, [batch.delegationId]);
        const [row] = await this.#isRecorded.run(session, [batch.delegationId, batch.sweepId]);
        return row!.isRecorded;
      });
    } catch (err) {
      this.#batches = [...this.#batches, batch].slice(-BATCHES_MAX);
      throw err;
    }
  }

  /** Looks for what earlier sweeps left, and confirms what was committed. Throws the database's error. */
  async settle(): Promise<void> {
    const batches = this.#batches;
    this.#batches = [];
    for (const [index, batch] of batches.entries()) {
      try {
        if (await this.look(batch)) batch.confirm();
      } catch (err) {
        this.#batches = [...this.#batches, ...batches.slice(index + 1)];
        throw err;
      }
    }
  }
}
