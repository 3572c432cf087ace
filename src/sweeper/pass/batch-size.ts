/** How many rows the next batch may have, and how the last full batches ended. */
export interface BatchSize {
  readonly rowsMax: number;
  /** Full batches that timed out since one succeeded, and vice versa. */
  readonly timeouts: number;
  readonly successes: number;
}

/** Timeouts in a row after which a batch is halved, and with each further one again. */
const TIMEOUTS_TO_SHRINK = 2;
/** Successes in a row after which it doubles, up to SWEEP_BATCH_SIZE. */
const SUCCESSES_TO_GROW = 8;

export function fullBatchSize(batchRowsMax: number): BatchSize {
  return { rowsMax: batchRowsMax, timeouts: 0, successes: 0 };
}

/**
 * The size after a full batch. When the database did not finish it in time, batches get smaller, down to one row, instead
 * of being repeated; when it is fast enough again, they grow.
 */
export function nextBatchSize(size: BatchSize, outcome: 'timeout' | 'success', batchRowsMax: number): BatchSize {
  if (outcome === 'timeout') {
    const timeouts = size.timeouts + 1;
    const shrinks = timeouts >= TIMEOUTS_TO_SHRINK;
    return { rowsMax: shrinks ? Math.max(1, Math.floor(size.rowsMax / 2)) : size.rowsMax, timeouts, successes: 0 };
  }
  const successes = size.successes + 1;
  if (successes < SUCCESSES_TO_GROW || size.rowsMax >= batchRowsMax) return { ...size, timeouts: 0, successes };
  return { rowsMax: Math.min(batchRowsMax, size.rowsMax * 2), timeouts: 0, successes: 0 };
}
