/** The last 24 hours. */
export interface Day {
  readonly sweeps: number;
  /** For silence or for lack of progress. */
  readonly stuck: number;
  /** Of these, for lack of progress. */
  readonly stalled: number;
  readonly failed: number;
  /** Of those marked stuck, those that a sweep tried again. */
  readonly retried: number;
  /** Of the delegations marked stuck, those that still delivered a result. Counted to 10,000 at most. */
  readonly lateResults: number;
  /** Time in gaps. The gap that is still open, since the last beat, is not included. */
  readonly unobservedMs: number;
}

/** The measured rate of false positives: late results over delegations marked stuck. Null when none was marked. */
export function falsePositiveRatio({ stuck, lateResults }: Pick<Day, 'stuck' | 'lateResults'>): number | null {
  // A sweep that failed midway is not among the day's sweeps, though its marks may have late results.
  return stuck === 0 ? null : Math.min(1, lateResults / stuck);
}
