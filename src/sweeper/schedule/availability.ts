import { backoffMs } from '../../lifecycle/backoff.ts';
import { processTime, type Time } from '../../lifecycle/time.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';

/** From a quarter of a second, so that a restart is bridged at once, to ten: an outage's end is noticed within a beat. */
const backoff = { baseMs: 250, maxMs: 10_000 };

/** Follows whether the database answers, and says when that changes and when it is tried again. */
export class Availability {
  readonly #log: EventLog;
  readonly #time: Time;
  #attempt = 0;
  #downSinceMs: number | null = null;

  constructor(log: EventLog, time: Time = processTime) {
    this.#log = log;
    this.#time = time;
  }

  /** An attempt failed. Returns how long to wait before the next, in milliseconds. */
  failed(err: unknown): number {
    this.#attempt += 1;
    this.#downSinceMs ??= this.#time.now();
    const retryInMs = backoffMs(this.#attempt, backoff);
    this.#log.emit('database.unavailable', { attempt: this.#attempt, retryInMs, err: errorFields(err) });
    return retryInMs;
  }

  succeeded(): void {
    if (this.#downSinceMs === null) return;
    this.#log.emit('database.recovered', { outageMs: Math.round(this.#time.now() - this.#downSinceMs) });
    this.#attempt = 0;
    this.#downSinceMs = null;
  }

  /** Tries until it works. Rejects only when the signal aborts. */
  async until<Result>(attempt: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    for (;;) {
      signal.throwIfAborted();
      try {
        const result = await attempt();
        this.succeeded();
        return result;
      } catch (err) {
        signal.throwIfAborted();
        await this.#time.sleep(this.failed(err), signal);
      }
    }
  }
}
