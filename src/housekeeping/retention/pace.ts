import { processTime, type Time } from '../../lifecycle/time.ts';
import { nextBatchRows } from '../batch-rows.ts';

/** Ids of the first batch, before it is known how long one takes here. */
const BATCH_ROWS_START = 100;
const BATCH_BOUNDS = { rowsMin: 10, rowsMax: 1000 } as const;
/**
 * After each batch, in parts of its duration, the database is left to the living. With a rest as long as the batch, the p99
 * of heartbeats on two cores was 1.8 times that of a quiet time (npm run bench -- --only prune).
 */
const REST_SHARE = 3;
/** Of a batch that hung, no multiple. */
const REST_MAX_MS = 1000;

/** How many rows the next batch of a prune has, and how long the prune rests before it. */
export class Pace {
  readonly #time: Time;
  #rowsMax = BATCH_ROWS_START;

  constructor(time: Time = processTime) {
    this.#time = time;
  }

  get rowsMax(): number {
    return this.#rowsMax;
  }

  /** Does the work of so many rows, and rests afterwards. The signal ends the rest. Rejects as the work does. */
  async of<Result>(rows: number, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const startedAtMs = this.#time.now();
    try {
      return await work();
    } finally {
      const tookMs = this.#time.now() - startedAtMs;
      if (rows > 0) this.#rowsMax = nextBatchRows(this.#rowsMax, { rows, tookMs }, BATCH_BOUNDS);
      await this.#time.sleep(Math.min(REST_MAX_MS, tookMs * REST_SHARE), signal).catch(() => {});
    }
  }
}
