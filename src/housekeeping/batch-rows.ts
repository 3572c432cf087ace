/** What a batch should take: an agent that comes to a row of it waits for its lock. */
const BATCH_TARGET_MS = 40;
/** A batch grows to twice the one before it at most. */
const GROWTH_MAX = 2;

/** Rows that a batch may have. */
export interface BatchBounds {
  readonly rowsMin: number;
  readonly rowsMax: number;
}

/**
 * Pure: how many rows the next batch has: as many as would have taken the target, judged by a batch of so many rows. `limit`:
 * of that batch; a part of one makes none larger.
 */
export function nextBatchRows(
  limit: number,
  { rows, tookMs }: { readonly rows: number; readonly tookMs: number },
  { rowsMin, rowsMax }: BatchBounds,
): number {
  const fitting = Math.floor((rows * BATCH_TARGET_MS) / Math.max(tookMs, 1));
  const grown = rows < limit ? limit : limit * GROWTH_MAX;
  return Math.min(rowsMax, Math.max(rowsMin, Math.min(fitting, grown)));
}
