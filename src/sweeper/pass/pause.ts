/** A batch that took no longer than this met no load. */
const QUICK_MS = 250;
/** The longest pause between two batches. */
const PAUSE_MAX_MS = 5_000;

/** How long a lane leaves the database to others after a batch that took so long: as long again, when it was slow. */
export function pauseMsAfter(tookMs: number): number {
  return tookMs <= QUICK_MS ? 0 : Math.min(PAUSE_MAX_MS, tookMs - QUICK_MS);
}
