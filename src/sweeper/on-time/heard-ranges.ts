import type { Micros } from '../instant.ts';
import type { SparedRange, Staleness } from '../threshold/staleness.ts';

/** Last heard from the first instant on, up to and without the second; null: whenever after. */
export interface HeardRange {
  readonly fromUs: Micros;
  readonly untilUs: Micros | null;
}

/**
 * Where rows were last heard that come due next: what was not stale when the last sweep judged, and is not spared now.
 * What that sweep found stale and left is not among them: it is locked, poisoned, held or over budget, and the tick's.
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
