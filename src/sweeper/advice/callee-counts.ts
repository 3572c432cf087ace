import { add, type Histogram, type StoredHistogram, stored, total } from './buckets.ts';

/** Stands for the callees that are not counted apart. No callee has an empty id. */
export const OTHER_CALLEES = '';

/** Callees that are counted apart, in a process and in a day's rows. */
export const CALLEES_MAX = 1000;

/** What was counted of one callee since it was last stored. */
export interface CalleeCounts {
  started: number;
  own: number;
  ownMinMs: number | null;
  ownMaxMs: number | null;
  readonly gaps: Histogram;
  readonly longest: Histogram;
  readonly detected: Histogram;
}

/** The same as it is stored. */
export interface StoredCounts {
  readonly calleeId: string;
  readonly started: number;
  readonly sampled: number;
  readonly own: number;
  readonly ownMinMs: number | null;
  readonly ownMaxMs: number | null;
  readonly gaps: StoredHistogram;
  readonly longest: StoredHistogram;
  readonly detected: StoredHistogram;
}

/** Counts by callee, of a bounded number of callees. */
export class Counts {
  readonly #callees = new Map<string, CalleeCounts>();

  get size(): number {
    return this.#callees.size;
  }

  of(calleeId: string): CalleeCounts {
    const key = this.#callees.has(calleeId) || this.#callees.size < CALLEES_MAX ? calleeId : OTHER_CALLEES;
    const found = this.#callees.get(key);
    if (found) return found;
    const counts = {
      started: 0,
      own: 0,
      ownMinMs: null,
      ownMaxMs: null,
      gaps: new Map(),
      longest: new Map(),
      detected: new Map(),
    };
    this.#callees.set(key, counts);
    return counts;
  }

  /** A delegation was followed to its end. `ownMs`: its own threshold. */
  ended(calleeId: string, longestMs: number, ownMs: number | null): void {
    const counts = this.of(calleeId);
    add(counts.longest, longestMs);
    if (ownMs === null) return;
    counts.own += 1;
    counts.ownMinMs = Math.min(counts.ownMinMs ?? ownMs, ownMs);
    counts.ownMaxMs = Math.max(counts.ownMaxMs ?? ownMs, ownMs);
  }

  /** All of it, once: what is stored a second time would count double. */
  drain(): StoredCounts[] {
    const counts = [...this.#callees].map(([calleeId, { started, gaps, longest, detected, ...own }]) => ({
      calleeId,
      ...own,
      // Each entry that was read may stand for several.
      started: Math.round(started),
      sampled: total(longest),
      gaps: stored(gaps),
      longest: stored(longest),
      detected: stored(detected),
    }));
    this.#callees.clear();
    return counts;
  }
}
