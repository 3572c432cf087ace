import { processTime, type Time } from '../../lifecycle/time.ts';

/** One reading of the last activities (statements/last-activities.ts). */
export interface ActivityReading {
  readonly drawn: string | null;
  /** No transaction before this one runs. */
  readonly runningFrom: bigint;
}

/**
 * After so long without a look or a sweep that found nothing open, there is a look, whatever the numbers say: rows may come without an activity.
 * Longer than from one tick to the next where SWEEP_CRON has one each minute, so that those are enough.
 */
const REST_MAX_MS = 90_000;

/**
 * Whether everything that ever began in a ledger has been committed or given up. A number is drawn by a transaction that has begun to write,
 * and ends later. So it is settled once the number stays the same, and all transactions have ended that began to write before one that was
 * begun after the number was read: the mark.
 */
export class Stillness {
  #drawn: string | null = null;
  #mark: bigint | null = null;
  #settled: object | null = null;
  /** Resolves who waits for an activity. */
  #wake: (() => void) | null = null;
  #emptyAtMs = Number.NEGATIVE_INFINITY;
  readonly #time: Time;

  constructor(time: Time = processTime) {
    this.#time = time;
  }

  /** Not null: a look that begins now sees whatever has begun. Another one each time that something may have begun since. */
  get settled(): object | null {
    return this.#settled;
  }

  /** Nothing was open at the last look, and nobody looks until something begins. */
  get isResting(): boolean {
    return this.#wake !== null;
  }

  get needsMark(): boolean {
    return this.#drawn !== null && this.#mark === null;
  }

  /** A transaction that began after the last reading. */
  mark(transaction: bigint): void {
    this.#mark = transaction;
  }

  /** Null: it could not be read. */
  take(reading: ActivityReading | null): void {
    const drawn = reading?.drawn ?? null;
    if (reading === null || drawn === null || drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#mark = null;
      this.disturb();
      return;
    }
    if (this.#mark !== null && reading.runningFrom > this.#mark) this.#settled ??= {};
    if (this.#time.now() - this.#emptyAtMs >= REST_MAX_MS) this.#wakeUp();
  }

  /** Something was seen to be open: it has to be looked for. */
  disturb(): void {
    this.#settled = null;
    this.#wakeUp();
  }

  /** A look or a sweep found nothing open. */
  foundEmpty(): void {
    this.#emptyAtMs = this.#time.now();
  }

  /** After a look that found nothing open. Resolves when something may have begun since `settled` was read, and after a while in any case. Rejects when the signal aborts. */
  async rest(settled: object, signal: AbortSignal): Promise<void> {
    if (this.#settled !== settled) return;
    signal.throwIfAborted();
    this.foundEmpty();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#wake = null;
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#wake = resolve;
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
