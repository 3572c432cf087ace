/** A threshold that changes; null: none of its own, the daemons' applies. */
export interface ThresholdChange<Threshold = number> {
  /** Between these it may be the old one or the new one. */
  readonly startAt: number;
  readonly endAt: number;
  readonly ms: Threshold;
}

/** A threshold over time, in milliseconds. */
export class Thresholds<Threshold extends number | null = number> {
  readonly #first: Threshold;
  readonly #changes: ThresholdChange<Threshold>[] = [];

  constructor(first: Threshold) {
    this.#first = first;
  }

  changed(change: ThresholdChange<Threshold>): void {
    this.#changes.push(change);
  }

  async during<Result>(ms: Threshold, work: () => Promise<Result>): Promise<Result> {
    const startAt = Date.now();
    try {
      return await work();
    } finally {
      this.changed({ startAt, endAt: Date.now(), ms });
    }
  }

  /** What it may have been at this instant: one, or two while it changes. */
  at(at: number): Threshold[] {
    const settled = this.#changes.findLast(({ endAt }) => endAt <= at)?.ms ?? this.#first;
    return [settled, ...this.#changes.filter(({ startAt, endAt }) => startAt <= at && at < endAt).map(({ ms }) => ms)];
  }

  /** All that it may have been from one instant to another. */
  within(startAt: number, endAt: number): Threshold[] {
    const meanwhile = this.#changes.filter((change) => change.endAt >= startAt && change.startAt <= endAt);
    return [...this.at(startAt), ...meanwhile.map(({ ms }) => ms)];
  }
}
