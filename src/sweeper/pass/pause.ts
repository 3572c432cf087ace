/**
 * What a batch takes while nothing else asks the database for anything: on two cores 40 ms for a thousand rows, twice
 * that at the most (docs/performance.md). One that takes longer meets others at work.
 */
const QUICK_MS = 25;
const QUICK_MS_A_ROW = 0.05;
/** The longest pause between two batches. */
const PAUSE_MAX_MS = 5_000;

/**
 * How long a lane leaves the database to others after a batch of so many rows that took so long: as long as it took, when
 * it was slow, so that the living have at least half of what the sweep takes from them.
 */
export function pauseMsAfter(rows: number, tookMs: number): number {
  return tookMs <= QUICK_MS + QUICK_MS_A_ROW * rows ? 0 : Math.min(PAUSE_MAX_MS, tookMs);
}
