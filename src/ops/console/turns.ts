import { answerWithin, NoAnswer } from '../answer-within.ts';

export interface TurnsOptions {
  /** Readings that run at once: the connections that there are for them. */
  readonly runningMax: number;
  /** Requests that wait for their turn; more are refused at once. */
  readonly waitingMax: number;
  /** How long a request waits for its turn and for its reading, together. */
  readonly answerWithinMs: number;
}

/** So many requests wait already that another one would not have its turn in time. */
export class Busy extends Error {
  override readonly name = 'Busy';

  constructor(waiting: number) {
    super(`${waiting} requests wait already`);
  }
}

interface Waiter {
  readonly resolve: () => void;
  hasTurn: boolean;
}

/** Bounds the readings that people ask for, whoever asks and however often: in number, in line, and in time. */
export class Turns {
  readonly #options: TurnsOptions;
  #running = 0;
  /** Those that wait, the first one first. */
  readonly #waiting = new Set<Waiter>();

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Rejects with the reading's error, with Busy, or with NoAnswer. A reading that takes longer keeps its turn until it ends. */
  async take<Value>(read: () => Promise<Value>): Promise<Value> {
    const { answerWithinMs } = this.#options;
    const askedAtMs = performance.now();
    await this.#turn();
    const reading = read().finally(() => this.#leave());
    // When nobody waits for it any more, its error must not end the process.
    reading.catch(() => {});
    const leftMs = Math.max(0, answerWithinMs - (performance.now() - askedAtMs));
    try {
      return await answerWithin(leftMs, reading);
    } catch (err) {
      throw err instanceof NoAnswer ? new NoAnswer(answerWithinMs) : err;
    }
  }

  async #turn(): Promise<void> {
    const { runningMax, waitingMax, answerWithinMs } = this.#options;
    if (this.#running < runningMax) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.size >= waitingMax) throw new Busy(this.#waiting.size);
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { resolve, hasTurn: false };
    this.#waiting.add(waiter);
    try {
      await answerWithin(answerWithinMs, promise);
    } catch (err) {
      // Its turn came in the moment in which it gave up.
      if (waiter.hasTurn) this.#leave();
      throw err;
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  /** Hands the turn on, or gives it back. */
  #leave(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(first);
    first.hasTurn = true;
    first.resolve();
  }
}
