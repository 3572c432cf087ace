import { isRefusal } from '../db/refusal.ts';
import { backoffMs } from '../lifecycle/backoff.ts';
import { processTime, type Time } from '../lifecycle/time.ts';
import type { EventLog } from '../log/event-log.ts';
import { Outage } from './outage.ts';

/** From a quarter of a second, so that a restart causes little delay, to ten seconds: the end of an outage is noticed within a beat. */
const backoff = { baseMs: 250, maxMs: 10_000 };

/**
 * Tracks whether the database works for one service, and when to try again. Each service has its own, since what works
 * for one may be refused to another. Services that share `outage` log an outage once together.
 */
export class Availability {
  readonly #outage: Outage;
  readonly #time: Time;
  #attempt = 0;

  constructor(log: EventLog, time: Time = processTime, outage: Outage = new Outage(log, time)) {
    this.#time = time;
    this.#outage = outage;
  }

  /**
   * An attempt failed. Returns how long to wait before the next, in milliseconds. Emits database.unavailable, or
   * database.refused where the database answered and refused: that is no outage, and does not end by waiting.
   */
  failed(err: unknown): number {
    this.#attempt += 1;
    const retryInMs = backoffMs(this.#attempt, backoff);
    if (isRefusal(err)) this.#outage.refused(this, err, retryInMs);
    else this.#outage.unavailable(this, err, retryInMs);
    return retryInMs;
  }

  succeeded(): void {
    this.#attempt = 0;
    this.#outage.available(this);
  }

  /** Repeats the attempt until it succeeds. Rejects only when the signal aborts. */
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
