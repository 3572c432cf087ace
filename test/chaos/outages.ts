/** A stretch of time by the machine's clock, milliseconds since 1970. */
export interface Stretch {
  readonly startAt: number;
  readonly endAt: number;
}

/** What was under way when an outage began may still reach the server. */
const SETTLING_MS = 300;

/**
 * When, by the suite's own hand, no daemon could reach the database. It is noted from after the fault until before its
 * end, so it is never longer than what the daemons had: an agent's silence is never excused by too much.
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

  /** Milliseconds between two instants in which nobody observed; stretches no longer than `toleratedMs` count as observed. */
  unobservedMs({ startAt, endAt }: Stretch, toleratedMs: number): number {
    return this.#stretches
      .filter((stretch) => stretch.endAt - stretch.startAt > toleratedMs)
      .map((stretch) => Math.min(endAt, stretch.endAt) - Math.max(startAt, stretch.startAt))
      .filter((overlapMs) => overlapMs > 0)
      .reduce((sum, overlapMs) => sum + overlapMs, 0);
  }
}
