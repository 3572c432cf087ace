/** No reading was available within the time that a request may wait. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(withinMs: number) {
    super(`no answer within ${withinMs} ms`);
  }
}

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
    return within(this.#options.answerWithinMs, this.#reading!);
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

async function within<Value>(ms: number, reading: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new NoAnswer(ms)), ms);
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}
