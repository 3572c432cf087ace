/** One reading of the last activities (statements/last-activities.ts). */
export interface ActivityReading {
  readonly drawn: string | null;
  /** Transactions from the first on may be running; all before the second had begun. */
  readonly runningFrom: bigint;
  readonly runningTo: bigint;
}

/**
 * Whether everything that ever began in a ledger has been committed or given up. A number is drawn before its transaction commits: one
 * that was drawn before a reading belongs to a transaction that had begun by the next one. So it is settled once the number stayed
 * the same in two readings, and a later one finds that all transactions have ended which the second of these two saw.
 */
export class Stillness {
  #drawn: string | null = null;
  #readings = 0;
  #until: bigint | null = null;
  #settled: object | null = null;
  /** Resolves who waits for an activity. */
  #wake: (() => void) | null = null;

  /** Not null: a look that begins now sees whatever has begun. Another one each time that something may have begun since. */
  get settled(): object | null {
    return this.#settled;
  }

  /** Nothing was open at the last look, and nobody looks until something begins. */
  get isResting(): boolean {
    return this.#wake !== null;
  }

  /** Null: it could not be read. */
  take(reading: ActivityReading | null): void {
    const drawn = reading?.drawn ?? null;
    if (reading === null || drawn === null || drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#readings = 0;
      this.#until = null;
      this.disturb();
      return;
    }
    this.#readings += 1;
    if (this.#readings === 1) this.#until = reading.runningTo;
    else if (this.#until !== null && reading.runningFrom >= this.#until) this.#settled ??= {};
  }

  /** Something was seen to be open: it has to be looked for. */
  disturb(): void {
    this.#settled = null;
    this.#wake?.();
    this.#wake = null;
  }

  /** Resolves when something may have begun since `settled` was read. Rejects when the signal aborts. */
  async rest(settled: object, signal: AbortSignal): Promise<void> {
    if (this.#settled !== settled) return;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#wake = null;
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#wake = resolve;
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }
}
