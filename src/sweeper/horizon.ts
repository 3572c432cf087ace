import { STEP_MIN_US } from '../ledger/functions/beat.ts';
import { MICROS_PER_MS, type Micros } from './instant.ts';

/**
 * Why time was unobserved. `unwatched`: no daemon's beat reached the database. `clock_jump`: the database's clock was set
 * forward over it. `rewound`: the database went back to the state of the gap's start, or its clock was set back, which a beat
 * found at the gap's end.
 */
export const gapKinds = ['unwatched', 'clock_jump', 'rewound'] as const;

export type GapKind = (typeof gapKinds)[number];

/** An interval of unobserved time: it does not count as silence. */
export interface Gap {
  readonly startUs: Micros;
  readonly endUs: Micros;
  /** Default `unwatched`. */
  readonly kind?: GapKind;
}

export { STEP_MIN_US };

/** The year 1: no heartbeat is older. JSON has no -Infinity. */
const BEFORE_ALL_US = -62_135_596_800_000_000;

export interface Horizon {
  /** Stale is what was last heard strictly before this instant. */
  readonly atUs: Micros;
  /** Unobserved microseconds between the horizon and now, which did not count as silence. */
  readonly unobservedUs: number;
}

/**
 * The instant since which `stuckAfterMs` of *observed* time has passed at `nowUs`. Each gap that reaches into the
 * threshold moves the horizon back by the gap's whole length, newest first. So a living agent has its whole threshold to
 * be heard again after an outage, while one that was stale before it is still found at once. Where the database or its
 * clock went back, what it holds about the time before is not trusted: nothing last heard before the end of that gap is stale
 * until the whole threshold has passed since. In the model: horizon_of.
 */
export function horizonOf(nowUs: Micros, stuckAfterMs: number, gaps: readonly Gap[]): Horizon {
  const plainUs = nowUs - stuckAfterMs * MICROS_PER_MS;
  const newestFirst = [...gaps].sort((a, b) => b.endUs - a.endUs);
  let atUs = plainUs;
  let unobservedUs = 0;
  for (const { startUs, endUs, kind } of newestFirst) {
    if (atUs >= endUs) continue;
    unobservedUs += endUs - startUs;
    if (kind === 'rewound') return { atUs: BEFORE_ALL_US, unobservedUs };
    atUs -= endUs - startUs;
  }
  return { atUs, unobservedUs };
}

/** Milliseconds between two beats: a tenth of the threshold, and ten seconds at most. */
export function beatIntervalMs(stuckAfterMs: number): number {
  return Math.min(10_000, stuckAfterMs / 10);
}

/** Time without a beat counts as unobserved once it is longer than so many intervals. */
export const BEATS_MISSED_MAX = 3;

/**
 * The gap that is still open: since the last beat, when that is too long ago; or the clock was set back behind it, and no beat
 * has recorded that yet. Null otherwise, and when there was never a beat.
 */
function openGap(nowUs: Micros, beatAtUs: Micros | null, stuckAfterMs: number): Gap | null {
  if (beatAtUs === null) return null;
  const silentUs = nowUs - beatAtUs;
  if (silentUs < -STEP_MIN_US) return { startUs: nowUs - 1, endUs: nowUs, kind: 'rewound' };
  return silentUs > BEATS_MISSED_MAX * beatIntervalMs(stuckAfterMs) * MICROS_PER_MS
    ? { startUs: beatAtUs, endUs: nowUs }
    : null;
}

/** What the horizon is computed from: the database's clock, the last beat, and the gaps before it. */
export interface Observation {
  readonly nowUs: Micros;
  readonly beatAtUs: Micros | null;
  readonly gaps: readonly Gap[];
}

/**
 * All unobserved time until now, with the gap that is still open: the first sweep after an outage may run before the beat
 * that records it. `beatsForMs`: the threshold from which the daemons derive the interval of their beats. In the model: gaps_in_all.
 */
export function unobserved({ nowUs, beatAtUs, gaps }: Observation, beatsForMs: number): readonly Gap[] {
  const open = openGap(nowUs, beatAtUs, beatsForMs);
  return open ? [...gaps, open] : gaps;
}

/** Observed microseconds from an instant until now. The gaps must not overlap. */
export function observedUsSince(sinceUs: Micros, nowUs: Micros, gaps: readonly Gap[]): number {
  const unobservedUs = gaps.map(({ startUs, endUs }) =>
    Math.max(0, Math.min(endUs, nowUs) - Math.max(startUs, sinceUs)),
  );
  return unobservedUs.reduce((left, us) => left - us, nowUs - sinceUs);
}
