/** Whether others were seen at work beside the sweep, and how many batches in a row say otherwise. */
export interface Load {
  readonly isLoaded: boolean;
  /** Slow ones while it is not loaded, easy ones while it is. */
  readonly otherwise: number;
}

export const noLoad: Load = { isLoaded: false, otherwise: 0 };

/**
 * What a batch takes at the most while nothing else asks the database for anything: twice the 40 ms for a thousand rows
 * of docs/performance.md, two at once on two cores. One that takes longer meets others at work.
 */
const QUICK_MS = 25;
const QUICK_MS_A_ROW = 0.05;
/** And one that is alone takes half of this a row. */
const EASY_MS_A_ROW = 0.06;
/** One slow batch may be a checkpoint's; some easy ones between slow ones, chance. */
const SLOW_BATCHES = 2;
const EASY_BATCHES = 16;

/**
 * Rows in a batch beside others. What the living wait for is the log that a batch has to flush before it commits, theirs
 * behind it: beside two lanes of a thousand rows their p99 was eight times that of a quiet time, beside one lane of 250
 * three to four times, and the sweep took no longer.
 */
export const LOADED_ROWS_MAX = 250;

/** The longest pause between two batches. */
const PAUSE_MAX_MS = 5_000;

function isSlow(rows: number, tookMs: number): boolean {
  return tookMs > QUICK_MS + QUICK_MS_A_ROW * rows;
}

/** A batch, and how many sessions that are not the sweep's own were writing delegations at its end. */
export interface BatchSigns {
  readonly rows: number;
  readonly tookMs: number;
  readonly others: number;
}

/** Others are at work where they are seen, or where a batch takes longer than it would alone. */
export function nextLoad({ isLoaded, otherwise }: Load, { rows, tookMs, others }: BatchSigns): Load {
  const says = isLoaded ? others === 0 && tookMs < EASY_MS_A_ROW * rows : others > 0 || isSlow(rows, tookMs);
  const inARow = says ? otherwise + 1 : 0;
  const turns = inARow >= (isLoaded ? EASY_BATCHES : SLOW_BATCHES);
  return turns ? { isLoaded: !isLoaded, otherwise: 0 } : { isLoaded, otherwise: inARow };
}

/** How long a lane leaves the database to others after such a batch: as long as it took, when it was slow. */
export function pauseMsAfter(rows: number, tookMs: number): number {
  return isSlow(rows, tookMs) ? Math.min(PAUSE_MAX_MS, tookMs) : 0;
}
