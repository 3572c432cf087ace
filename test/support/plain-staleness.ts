import type { Staleness } from '../../src/sweeper/threshold/staleness.ts';

/** Stale by one horizon alone. */
export function plainStaleness(horizonUs: number): Staleness {
  return {
    horizonUs,
    spared: [],
    stuckAfterMs: 600_000,
    lowerings: [],
    gaps: [],
    rewoundUs: null,
    suspectUs: horizonUs + 600_000_000,
    unheardMs: 0,
    jumps: [],
  };
}
