import { type Gap, horizonOf } from '../horizon.ts';
import type { Micros } from '../instant.ts';

/** Parts of the threshold by which the ages of last heartbeats are counted. */
export const AGE_BINS = 20;

/**
 * From this bin on a row may be late. Heartbeats that all fall on one instant leave the younger bins empty, too; this long
 * is more than a minute at the default threshold, so one of their sweeps in turn sees them all young.
 */
export const LATE_FROM_BIN = 3;

/**
 * From this bin on, seven tenths of the threshold, a row sets off the count: an outage is seen while it forms, before the
 * first row is stale and while those that it cut off are still many.
 */
export const WATCHED_FROM_BIN = 14;

/** Bins in a row that are taken together, at most, to see how thinly the younger ages are occupied. */
const WINDOW_BINS_MAX = 5;

/**
 * The instants that part the ages, oldest first: the first is the horizon itself, the last lies a twentieth of the
 * threshold back. Ages are observed time, so a gap, the one that is still open included, does not count.
 */
export function ageBoundsUs(
  { nowUs, gaps }: { readonly nowUs: Micros; readonly gaps: readonly Gap[] },
  stuckAfterMs: number,
): Micros[] {
  return Array.from(
    { length: AGE_BINS },
    (_, i) => horizonOf(nowUs, (stuckAfterMs * (AGE_BINS - i)) / AGE_BINS, gaps).atUs,
  );
}

/** The instant before which a row was last heard that is in this bin or an older one. */
export function heardBeforeUs(boundsUs: readonly Micros[], bin: number): Micros {
  return boundsUs[AGE_BINS - bin]!;
}

/** Rows that fell silent together. */
export interface Silence {
  readonly silent: number;
  /** They were all heard for the last time in this bin or before it. Null when there are none. */
  readonly fromBin: number | null;
}

/**
 * How many rows are late against the cadence that their fleet kept. `rowsByAge`: rows in progress by age, youngest bin
 * first, the last bin (AGE_BINS) past the horizon. Whatever the cadence, agents that go on being heard leave fewer rows
 * at each older age; so where an old bin holds more rows than the younger ones before it, those rows fell silent
 * together. A slow but healthy fleet is level; one that is cut off leaves its younger bins empty.
 */
export function fellSilentTogether(rowsByAge: readonly number[]): Silence {
  let usualMax = Number.POSITIVE_INFINITY;
  let silent = 0;
  let fromBin: number | null = null;
  for (const [bin, rows] of rowsByAge.entries()) {
    if (bin >= LATE_FROM_BIN && rows > usualMax) {
      silent += rows - usualMax;
      if (rows > 2 * usualMax) fromBin ??= bin;
    }
    usualMax = Math.min(usualMax, thinnestUpTo(rowsByAge, bin));
  }
  return { silent, fromBin };
}

/**
 * The most rows that a bin would hold by chance, by the thinnest window that ends with this one: two standard deviations
 * and two rows above what was counted there, so that chance in a small fleet is not taken for a sign.
 */
function thinnestUpTo(rowsByAge: readonly number[], bin: number): number {
  let counted = 0;
  let thinnest = Number.POSITIVE_INFINITY;
  for (let bins = 1; bins <= Math.min(WINDOW_BINS_MAX, bin + 1); bins += 1) {
    counted += rowsByAge[bin + 1 - bins]!;
    thinnest = Math.min(thinnest, Math.floor((counted + 2 * Math.sqrt(counted) + 2) / bins));
  }
  return thinnest;
}

/** The rows of one class of thresholds, by age. */
export interface ClassAges {
  readonly class: number;
  readonly rowsByAge: readonly number[];
}

/** What fell silent together, class by class. */
export interface ClassSilence extends Silence {
  readonly class: number;
  readonly inFlight: number;
}

export function silenceOf(ages: readonly ClassAges[]): readonly ClassSilence[] {
  return ages.map(({ class: of, rowsByAge }) => ({
    class: of,
    ...fellSilentTogether(rowsByAge),
    inFlight: sumOf(rowsByAge),
  }));
}

/**
 * The silence of the classes that a storm may have hit: those of which at least `ratio` fell silent, or all where no class
 * did so by itself.
 */
export function hitBy(classes: readonly ClassSilence[], ratio: number): readonly ClassSilence[] {
  const hit = classes.filter(({ silent, inFlight }) => silent > 0 && silent >= ratio * inFlight);
  return hit.length > 0 ? hit : classes;
}

export function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
