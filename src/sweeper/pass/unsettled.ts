import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { SweeperTables } from '../tables.ts';
import { markRecordedStatement } from './statements/mark-recorded.ts';
import { rowLockStatement } from './statements/row-lock.ts';

/** A batch whose COMMIT got no answer. */
export interface UnsettledBatch {
  readonly sweepId: string;
  /** Any row of it: they were marked together or not at all. */
  readonly delegationId: string;
  /** Counts and logs the marks. */
  readonly confirm: () => void;
}

/** Kept from sweep to sweep while the database is away; two lanes leave at most two per pass. */
const BATCHES_MAX = 16;
/** Longer than a transaction whose client has disappeared keeps its locks. */
const LOOK_TIMEOUT_MS = 15_000;

/** The batches whose commit is uncertain, so that every mark gets its log line. */
export class Unsettled {
  readonly #db: LedgerDb;
  readonly #lock: ReturnType<typeof rowLockStatement>;
  readonly #recorded: ReturnType<typeof markRecordedStatement>;
  #batches: readonly UnsettledBatch[] = [];

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#lock = rowLockStatement(tables);
    this.#recorded = markRecordedStatement(tables);
  }

  /** Whether it was committed after all. Throws the database's error, and keeps the batch for a later `settle`. */
  async look(batch: UnsettledBatch): Promise<boolean> {
    try {
      return await limited(this.#db, LOOK_TIMEOUT_MS, async (session) => {
        const { delegationId, sweepId } = batch;
        await this.#lock.run(session, { delegationId });
        const [row] = await this.#recorded.run(session, { delegationId, sweepId });
        return row!.isRecorded;
      });
    } catch (err) {
      this.#batches = [...this.#batches, batch].slice(-BATCHES_MAX);
      throw err;
    }
  }

  /** Looks up the batches that earlier sweeps left, and counts and logs what was committed. Throws the database's error. */
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
