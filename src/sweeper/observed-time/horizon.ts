import { MICROS_PER_MS, type Micros } from '../instant.ts';

/** A stretch of time in which no daemon's beat reached the database. */
export interface Gap {
  readonly startUs: Micros;
  readonly endUs: Micros;
}

export interface Horizon {
  /** Stale is what was last heard strictly before this instant. */
  readonly atUs: Micros;
  /** Unobserved microseconds between the horizon and now: they counted as nobody's silence. */
  readonly unobservedUs: number;
}

/**
 * The instant from which `stuckAfterMs` of *observed* time has passed until `nowUs`. Each gap that reaches into the
 * threshold pushes it back by the gap's whole length, newest first, so that a living agent has its whole threshold to be
 * heard again after an outage, while one that was stale before it is still found at once.
 */
export function horizonOf(nowUs: Micros, stuckAfterMs: number, gaps: readonly Gap[]): Horizon {
  const plainUs = nowUs - stuckAfterMs * MICROS_PER_MS;
  const newestFirst = [...gaps].sort((a, b) => b.endUs - a.endUs);
  const atUs = newestFirst.reduce((h, { startUs, endUs }) => (h < endUs ? h - (endUs - startUs) : h), plainUs);
  return { atUs, unobservedUs: plainUs - atUs };
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

/** The gap that is still open counts too: an outage's first sweep must not outrun the beat that will record it. */
export function observedHorizon({ nowUs, beatAtUs, gaps }: Observation, stuckAfterMs: number): Horizon {
  const open = openGap(nowUs, beatAtUs, stuckAfterMs);
  return horizonOf(nowUs, stuckAfterMs, open ? [...gaps, open] : gaps);
}
