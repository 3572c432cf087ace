/**
 * Whether other sessions work on the database during the sweep. Two signs show it: sessions that hold locks for writing
 * delegations, and batches that take much longer than this sweep's own quick ones. A fixed time per row would not do: a
 * batch of a thousand rows takes 40 ms on one machine and 100 ms on another that is as idle.
 */
export interface Load {
  readonly isLoaded: boolean;
  /** Batches in a row that show the opposite of `isLoaded`. */
  readonly otherwise: number;
  /** The fewest milliseconds per row of any batch; null before the first batch. */
  readonly quickMsPerRow: number | null;
}

export const noLoad: Load = { isLoaded: false, otherwise: 0, quickMsPerRow: null };

/** What a batch may take whatever the number of its rows: round trips, a commit. */
const QUICK_MS = 25;
/** A batch is slow when its rows take this many times as long as those of the quickest. Undisturbed they vary up to 2 times. */
const SLOW_TIMES = 3;
/** Below this many times it is quick. */
const EASY_TIMES = 2;
/** With each batch the quickest one counts this much less, so that a database that became slower for good is not loaded. */
const QUICK_GROWTH = 1.01;
/** One slow batch may be due to a checkpoint, and a few quick ones between slow ones to chance. */
const SLOW_BATCHES = 2;
const EASY_BATCHES = 16;

/**
 * Rows in a batch while others work. A heartbeat's commit waits for the write-ahead log that a batch flushes before its own:
 * with two lanes of a thousand rows the heartbeats' p99 was eight times that of a quiet time, with one lane of 250 three
 * to four times, and the sweep took no longer.
 */
export const LOADED_ROWS_MAX = 250;

/** The longest pause between two batches. */
const PAUSE_MAX_MS = 5_000;

/** A batch, and how many sessions that are not the sweep's own were writing delegations at its end. */
export interface BatchSigns {
  readonly rows: number;
  readonly tookMs: number;
  readonly others: number;
}

function takesTimes({ quickMsPerRow }: Load, rows: number, tookMs: number, times: number): boolean {
  return quickMsPerRow !== null && tookMs > QUICK_MS + times * quickMsPerRow * rows;
}

/** The state after one more batch. */
export function nextLoad(load: Load, { rows, tookMs, others }: BatchSigns): Load {
  const { isLoaded, otherwise, quickMsPerRow } = load;
  const showsLoad = others > 0 || takesTimes(load, rows, tookMs, isLoaded ? EASY_TIMES : SLOW_TIMES);
  const inARow = showsLoad === isLoaded ? 0 : otherwise + 1;
  const turns = inARow >= (isLoaded ? EASY_BATCHES : SLOW_BATCHES);
  return {
    isLoaded: isLoaded !== turns,
    otherwise: turns ? 0 : inARow,
    quickMsPerRow: Math.min(tookMs / Math.max(1, rows), (quickMsPerRow ?? Number.POSITIVE_INFINITY) * QUICK_GROWTH),
  };
}

/** How long a lane leaves the database to others after such a batch: as long as it took, when it was slow. */
export function pauseMsAfter(load: Load, rows: number, tookMs: number): number {
  return takesTimes(load, rows, tookMs, SLOW_TIMES) ? Math.min(PAUSE_MAX_MS, tookMs) : 0;
}
