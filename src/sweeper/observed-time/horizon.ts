import { MICROS_PER_MS, type Micros } from '../instant.ts';

/**
 * Why time was unobserved. `unwatched`: no daemon's beat reached the database. `clock_jump`: the database's clock was set
 * forward over it. `rewound`: the database went back to the start, and was found there at the end.
 */
export type GapKind = 'unwatched' | 'clock_jump' | 'rewound';

/** A stretch of time that does not count as anybody's silence. */
export interface Gap {
  readonly startUs: Micros;
  readonly endUs: Micros;
  /** Default `unwatched`. */
  readonly kind?: GapKind;
}

/** The year 1: nothing was last heard before it. JSON has no -Infinity. */
export const BEFORE_ALL_US = -62_135_596_800_000_000;

export interface Horizon {
  /** Stale is what was last heard strictly before this instant. */
  readonly atUs: Micros;
  /** Unobserved microseconds between the horizon and now: they counted as nobody's silence. */
  readonly unobservedUs: number;
}

/**
 * The instant from which `stuckAfterMs` of *observed* time has passed until `nowUs`. Each gap that reaches into the
 * threshold pushes it back by the gap's whole length, newest first, so that a living agent has its whole threshold to be
 * heard again after an outage, while one that was stale before it is still found at once. Where the database went back
 * in time, what it says of the time before is not to be trusted: nothing last heard before the end of that gap is stale
 * until the whole threshold has passed since.
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

/** Milliseconds between two beats: ten fit into the threshold, and one is never more than ten seconds. */
export function beatIntervalMs(stuckAfterMs: number): number {
  return Math.min(10_000, stuckAfterMs / 10);
}

/** Beats that may fail to come before the time without them counts as unobserved. */
export const BEATS_MISSED_MAX = 3;

/** The gap that is still open: since the last beat, when that is too long ago. Null when a beat has come, or none ever. */
export function openGap(nowUs: Micros, beatAtUs: Micros | null, stuckAfterMs: number): Gap | null {
  if (beatAtUs === null) return null;
  const silentUs = nowUs - beatAtUs;
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
 * All unobserved time until now. The gap that is still open counts, too: an outage's first sweep must not come before
 * the beat that will record it. `beatsForMs`: the threshold that the daemons' beats go by.
 */
export function unobserved({ nowUs, beatAtUs, gaps }: Observation, beatsForMs: number): readonly Gap[] {
  const open = openGap(nowUs, beatAtUs, beatsForMs);
  return open ? [...gaps, open] : gaps;
}

/** Observed microseconds from an instant until now; the gaps lie apart from one another. */
export function observedUsSince(sinceUs: Micros, nowUs: Micros, gaps: readonly Gap[]): number {
  const unobservedUs = gaps.map(({ startUs, endUs }) =>
    Math.max(0, Math.min(endUs, nowUs) - Math.max(startUs, sinceUs)),
  );
  return unobservedUs.reduce((left, us) => left - us, nowUs - sinceUs);
}
