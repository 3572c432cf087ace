import type { CalleeCount } from '../callee-count.ts';

/** Callees named in a sweep's summary. */
const CALLEES_NAMED_MAX = 5;

/** Rows by callee. */
export class Tally {
  readonly #rows = new Map<string, number>();

  add(calleeId: string): void {
    this.#rows.set(calleeId, (this.#rows.get(calleeId) ?? 0) + 1);
  }

  /** The five with most, most first. */
  top(): CalleeCount[] {
    return [...this.#rows]
      .map(([calleeId, count]) => ({ calleeId, count }))
      .sort((a, b) => b.count - a.count || (a.calleeId < b.calleeId ? -1 : 1))
      .slice(0, CALLEES_NAMED_MAX);
  }
}
