import { Periodic } from '../../lifecycle/periodic.ts';
import type { Service } from '../../lifecycle/service.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import type { Availability } from '../../outage/availability.ts';
import type { Beat } from '../observed-time/beat.ts';

/** A smaller difference is explained by the network. */
const SKEW_TOLERATED_MS = 1000;
/** A skew that lasts is logged again after this long. */
const SKEW_REPEAT_MS = 3_600_000;

/**
 * Leaves the daemon's beats: at their interval while the database answers, with backoff while it does not. The start
 * resolves after the first beat, so that no sweep runs before the gap of an outage has been recorded. Emits clock.skewed.
 */
export class Pulse implements Service {
  readonly name = 'pulse';
  readonly #beat: Beat;
  readonly #log: EventLog;
  readonly #availability: Availability;
  readonly #skews = new Repeats(SKEW_REPEAT_MS);
  readonly #first = Promise.withResolvers<void>();
  readonly #beats: Periodic;

  /** `isAligned`: at the same instants as other ledgers' beats of this process. */
  constructor(beat: Beat, log: EventLog, availability: Availability, isAligned = false) {
    this.#beat = beat;
    this.#log = log;
    this.#availability = availability;
    this.#first.promise.catch(() => {});
    this.#beats = new Periodic({
      name: this.name,
      everyMs: beat.intervalMs,
      isAligned,
      run: (signal) => this.#leave(signal),
      // Never called: a beat is tried again until it succeeds or the service stops.
      onError: () => {},
    });
  }

  async start(): Promise<void> {
    await this.#beats.start();
    await this.#first.promise;
  }

  stop(): Promise<void> {
    return this.#beats.stop();
  }

  async #leave(signal: AbortSignal): Promise<void> {
    try {
      const { skewMs } = await this.#availability.until(() => this.#beat.leave(), signal);
      this.#logSkew(skewMs);
      this.#first.resolve();
    } catch (err) {
      this.#first.reject(err);
      throw err;
    }
  }

  #logSkew(skewMs: number): void {
    if (Math.abs(skewMs) <= SKEW_TOLERATED_MS) return;
    if (this.#skews.claim('skew')) this.#log.emit('clock.skewed', { skewMs });
  }
}
