/**
 * Failure detectors that learn each agent's cadence, by their documented behaviour; nothing of their code is used. Both have
 * defaults for heartbeats of one second, of which the parts that are durations are scaled here to the cadence of the fleet.
 */
export interface PhiAccrual {
  readonly name: string;
  /** So many seconds after the detector itself was held up it suspects nobody. */
  readonly graceSeconds: number;
  /** The agent is suspected once it was silent for so long; by what was heard of it so far. */
  suspectsAfter(): number;
  heard(gapSeconds: number): void;
}

const SAMPLES_MAX = 1000;

/** The last so many intervals. */
class Window {
  readonly #intervals: number[] = [];
  #sum = 0;
  #sumOfSquares = 0;

  add(interval: number): void {
    this.#intervals.push(interval);
    this.#sum += interval;
    this.#sumOfSquares += interval ** 2;
    if (this.#intervals.length <= SAMPLES_MAX) return;
    const oldest = this.#intervals.shift()!;
    this.#sum -= oldest;
    this.#sumOfSquares -= oldest ** 2;
  }

  get mean(): number {
    return this.#sum / this.#intervals.length;
  }

  get deviation(): number {
    return Math.sqrt(Math.max(0, this.#sumOfSquares / this.#intervals.length - this.mean ** 2));
  }
}

/**
 * Akka's: phi is -log10 of the probability that a heartbeat is later than this, from a normal distribution of the intervals.
 * Defaults: threshold 8, acceptable pause 3 intervals, smallest deviation a tenth of one; the first estimate is one interval
 * with a deviation of a quarter. An interval during which the agent was suspected is not learnt.
 */
export class AkkaPhi implements PhiAccrual {
  readonly name = 'phi accrual as in Akka';
  readonly graceSeconds = 0;
  readonly #window = new Window();
  readonly #cadence: number;

  constructor(cadence: number) {
    this.#cadence = cadence;
    this.#window.add(cadence * 0.75);
    this.#window.add(cadence * 1.25);
  }

  suspectsAfter(): number {
    const mean = this.#window.mean + 3 * this.#cadence;
    const deviation = Math.max(this.#window.deviation, 0.1 * this.#cadence);
    return mean + deviation * this.#deviationsAt(8);
  }

  heard(gapSeconds: number): void {
    if (gapSeconds < this.suspectsAfter()) this.#window.add(gapSeconds);
  }

  /** By the logistic approximation of the normal distribution that is documented: phi = -log10(e / (1 + e)). */
  #deviationsAt(phi: number): number {
    let [from, to] = [0, 20];
    while (to - from > 1e-6) {
      const y = (from + to) / 2;
      const e = Math.exp(-y * (1.5976 + 0.070566 * y * y));
      if (-Math.log10(e / (1 + e)) < phi) from = y;
      else to = y;
    }
    return to;
  }
}

/**
 * Cassandra's: phi is the silence in mean intervals, divided by ln 10, from an exponential distribution. Defaults: convicted
 * at 8; the first estimate is two intervals, and longer ones than that are not learnt. After a pause of its own it convicts
 * nobody for five intervals.
 */
export class CassandraPhi implements PhiAccrual {
  readonly name = 'phi accrual as in Cassandra';
  readonly graceSeconds: number;
  readonly #window = new Window();
  readonly #cadence: number;

  constructor(cadence: number) {
    this.#cadence = cadence;
    this.graceSeconds = 5 * cadence;
    this.#window.add(2 * cadence);
  }

  suspectsAfter(): number {
    return 8 * Math.LN10 * this.#window.mean;
  }

  heard(gapSeconds: number): void {
    if (gapSeconds <= 2 * this.#cadence) this.#window.add(gapSeconds);
  }
}
