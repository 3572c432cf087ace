import { answerWithin } from './answer-within.ts';

export interface CachedOptions {
  /** How long a reading is kept, given how long it took. A failure is kept, too, so that it is not repeated at once. */
  readonly keepMs: (tookMs: number) => number;
  /** How long a request waits for a reading. The reading itself continues, for the next request. */
  readonly answerWithinMs: number;
}

/** Shares one reading among all requests within its time, so that many requests do not load the database. */
export class Cached<Value> {
  readonly #read: () => Promise<Value>;
  readonly #options: CachedOptions;
  #reading: Promise<Value> | undefined;
  /** On the process's clock; infinite while the reading is in progress. */
  #keptUntilMs = 0;

  constructor(read: () => Promise<Value>, options: CachedOptions) {
    this.#read = read;
    this.#options = options;
  }

  /** Rejects with the reading's error, or with NoAnswer. */
  get(): Promise<Value> {
    if (this.#reading === undefined || performance.now() >= this.#keptUntilMs) this.#take();
    return answerWithin(this.#options.answerWithinMs, this.#reading!);
  }

  #take(): void {
    const startedAtMs = performance.now();
    this.#keptUntilMs = Number.POSITIVE_INFINITY;
    this.#reading = this.#read().finally(() => {
      const endedAtMs = performance.now();
      this.#keptUntilMs = endedAtMs + this.#options.keepMs(endedAtMs - startedAtMs);
    });
    // Every waiting request gets the error; when none waits any more, it must not end the process.
    this.#reading.catch(() => {});
  }
}
