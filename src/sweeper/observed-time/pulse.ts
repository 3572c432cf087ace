import type { Service } from '../../lifecycle/service.ts';
import { processTime, type Time } from '../../lifecycle/time.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Availability } from '../schedule/availability.ts';
import type { Beat } from './beat.ts';

/** A smaller difference is the network's. */
const SKEW_TOLERATED_MS = 1000;
/** A standing skew is logged again after this long. */
const SKEW_REPEAT_MS = 3_600_000;

/**
 * Leaves the daemon's beat, at its cadence while the database answers, with backoff while it does not. The first beat is
 * left before the start resolves, so that no sweep runs before the gap behind an outage has been recorded.
 */
export class Pulse implements Service {
  readonly name = 'pulse';
  readonly #beat: Beat;
  readonly #log: EventLog;
  readonly #availability: Availability;
  readonly #time: Time;
  readonly #aborter = new AbortController();
  #loop: Promise<void> | undefined;
  #skewSaidAtMs: number | null = null;

  constructor(beat: Beat, log: EventLog, availability: Availability, time: Time = processTime) {
    this.#beat = beat;
    this.#log = log;
    this.#availability = availability;
    this.#time = time;
  }

  async start(): Promise<void> {
    const { signal } = this.#aborter;
    signal.throwIfAborted();
    if (this.#loop) return;
    await this.#leave(signal);
    this.#loop = this.#run(signal);
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
    await this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#time.sleep(this.#beat.intervalMs, signal).catch(() => {});
      if (!signal.aborted) await this.#leave(signal).catch(() => {});
    }
  }

  /** Rejects only when the signal aborts. */
  async #leave(signal: AbortSignal): Promise<void> {
    const { skewMs } = await this.#availability.until(() => this.#beat.leave(), signal);
    if (Math.abs(skewMs) <= SKEW_TOLERATED_MS) return;
    const nowMs = this.#time.now();
    if (this.#skewSaidAtMs !== null && nowMs - this.#skewSaidAtMs < SKEW_REPEAT_MS) return;
    this.#skewSaidAtMs = nowMs;
    this.#log.emit('clock.skewed', { skewMs });
  }
}
