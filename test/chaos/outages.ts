/** A stretch of time by the machine's clock, milliseconds since 1970. */
export interface Stretch {
  readonly startAt: number;
  readonly endAt: number;
}

/** What was under way when an outage began may still reach the server. */
const SETTLING_MS = 300;

export function overlapMs(one: Stretch, other: Stretch): number {
  return Math.max(0, Math.min(one.endAt, other.endAt) - Math.max(one.startAt, other.startAt));
}

/**
 * When the suite itself kept every daemon from the database. It is recorded from after the fault's beginning until before
 * its end, so it is never longer than the real outage, and never excuses too much of an agent's silence.
 */
export class Outages {
  readonly #stretches: Stretch[];

  constructor(stretches: readonly Stretch[] = []) {
    this.#stretches = [...stretches];
  }

  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    const startAt = Date.now() + SETTLING_MS;
    const result = await work();
    const endAt = Date.now();
    if (endAt > startAt) this.#stretches.push({ startAt, endAt });
    return result;
  }

  /** Unobserved milliseconds between two instants; intervals no longer than `toleratedMs` count as observed. */
  unobservedMs(within: Stretch, toleratedMs: number): number {
    return this.#stretches
      .filter(({ startAt, endAt }) => endAt - startAt > toleratedMs)
      .reduce((sum, stretch) => sum + overlapMs(stretch, within), 0);
  }
}
