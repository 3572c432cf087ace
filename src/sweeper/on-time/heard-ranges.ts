import type { Micros } from '../instant.ts';
import type { SparedRange, Staleness } from '../threshold/staleness.ts';

/** Last heard from the first instant on, up to but not including the second; null: any time after. */
export interface HeardRange {
  readonly fromUs: Micros;
  readonly untilUs: Micros | null;
}

/**
 * When the rows that come due next were last heard: rows that were not stale when the last sweep judged, and are not spared
 * now. Rows that it found stale and left (locked, poisoned, held or over budget) are left to the tick.
 */
export function unjudged(judged: Staleness, spared: readonly SparedRange[]): readonly HeardRange[] {
  const open: HeardRange[] = [...judged.spared, { fromUs: judged.horizonUs, untilUs: null }];
  return spared.reduce((ranges, without) => ranges.flatMap((range) => outside(range, without)), open);
}

function outside({ fromUs, untilUs }: HeardRange, without: SparedRange): HeardRange[] {
  const before = { fromUs, untilUs: Math.min(untilUs ?? without.fromUs, without.fromUs) };
  const after = { fromUs: Math.max(fromUs, without.untilUs), untilUs };
  return [before, after].filter((range) => range.untilUs === null || range.fromUs < range.untilUs);
}
