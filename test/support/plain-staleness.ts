import type { Staleness } from '../../src/sweeper/threshold/staleness.ts';

/** Stale by one horizon alone. */
export function plainStaleness(horizonUs: number): Staleness {
  return { horizonUs, spared: [], jumps: [] };
}
