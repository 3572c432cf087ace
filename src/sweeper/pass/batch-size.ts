/** How many rows go into the next batch, and what the last full batches came to. */
export interface BatchSize {
  readonly rowsMax: number;
  /** Full batches that timed out since one succeeded, and the other way round. */
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
 * After a full batch. A database that did not manage so many rows in time is asked for fewer, down to one, instead of
 * for the same again; once it keeps up, for more.
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
