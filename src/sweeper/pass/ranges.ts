import type { Place, Range } from './place.ts';

/** The places at which the next batches end, each with its rows; fewer than requested: these are the last. */
export type Plan = (after: Place, rowsMax: number) => Promise<readonly (Place & Pick<Range, 'rows' | 'ids'>)[]>;

/** Batches planned at a time. */
const WINDOW_BATCHES = 16;
/** More are planned when this few are left, while the lanes work on them. */
const AHEAD_BATCHES = 4;

/** The batches of a pass, oldest first, planned ahead of the lanes that take them. */
export class Ranges {
  readonly #plan: Plan;
  readonly #windowRows: number;
  readonly #queue: Range[] = [];
  #after: Place;
  #isAll = false;
  #planning: Promise<void> | null = null;

  constructor(plan: Plan, start: Place, batchRowsMax: number, rowsMax: number) {
    this.#plan = plan;
    this.#after = start;
    this.#windowRows = Math.min(rowsMax, WINDOW_BATCHES * batchRowsMax);
  }

  /** The next one; null when no row is left. @throws the database's error. */
  async next(): Promise<Range | null> {
    while (this.#queue.length === 0 && !this.#isAll) await this.#extend();
    const range = this.#queue.shift() ?? null;
    // An error is thrown when these ranges are requested.
    if (range && this.#queue.length === AHEAD_BATCHES && !this.#isAll) this.#extend().catch(() => {});
    return range;
  }

  #extend(): Promise<void> {
    this.#planning ??= this.#planOn().finally(() => {
      this.#planning = null;
    });
    return this.#planning;
  }

  async #planOn(): Promise<void> {
    const ends = await this.#plan(this.#after, this.#windowRows);
    for (const upTo of ends) {
      this.#queue.push({ after: this.#after, upTo, rows: upTo.rows, ids: upTo.ids });
      this.#after = upTo;
    }
    this.#isAll = ends.reduce((rows, end) => rows + end.rows, 0) < this.#windowRows;
  }
}
