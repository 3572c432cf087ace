/** There is no reading yet: whatever is asked takes longer than anybody should wait. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(withinMs: number) {
    super(`no answer within ${withinMs} ms`);
  }
}

export interface CachedOptions {
  /** How long a reading is good for, given how long it took. Failures count, too: they are not repeated at once. */
  readonly keepMs: (tookMs: number) => number;
  /** How long anybody waits for one. The reading itself goes on, and is the next one's. */
  readonly answerWithinMs: number;
}

/** A reading that many may ask for and that is taken once: how often it is asked for cannot hurt the database. */
export class Cached<Value> {
  readonly #read: () => Promise<Value>;
  readonly #options: CachedOptions;
  #reading: Promise<Value> | undefined;
  /** On the process's clock; infinite while the reading is being taken. */
  #goodUntilMs = 0;

  constructor(read: () => Promise<Value>, options: CachedOptions) {
    this.#read = read;
    this.#options = options;
  }

  /** Rejects with the reading's error, or when there is none in time. */
  get(): Promise<Value> {
    if (this.#reading === undefined || performance.now() >= this.#goodUntilMs) this.#take();
    return within(this.#options.answerWithinMs, this.#reading!);
  }

  #take(): void {
    const startedAtMs = performance.now();
    this.#goodUntilMs = Number.POSITIVE_INFINITY;
    this.#reading = this.#read().finally(() => {
      const endedAtMs = performance.now();
      this.#goodUntilMs = endedAtMs + this.#options.keepMs(endedAtMs - startedAtMs);
    });
    // Whoever waits hears of it; when nobody does any more, nothing may end the process.
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
