import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import type { Cron } from '../status/cron.ts';
import type { Availability } from './availability.ts';
import { SUPERVISE_SECONDS } from './boss.ts';
import type { PgBossClock, Reading } from './pgboss-clock.ts';
import type { SweepQueue } from './sweep-queue.ts';
import {
  type Awaited,
  awaitNext,
  type Clocks,
  GRACE_MS,
  hasLeapt,
  LEAP_PATIENCE_MS,
  overdueMs,
  withPatience,
} from './tick-watch.ts';

/** A tick that stays missed is logged again after this long. */
const MISSED_REPEAT_MS = 60_000;

export interface UpkeepOptions {
  readonly queue: SweepQueue;
  readonly clock: PgBossClock;
  readonly cron: Cron;
  readonly log: EventLog;
}

/**
 * Sees to it that sweeps go on whatever befalls pg-boss's ticks: asks for the sweep that did not come, puts back a queue
 * that was dropped, and pg-boss's instants after the database's clock was set back. One small query every ten seconds.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #missed = new Repeats(MISSED_REPEAT_MS);
  #awaited: Awaited | null = null;
  #before: Clocks | null = null;
  #lookFailed = false;
  #refusals = 0;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Looks until the signal aborts, and resolves then. A look that fails is tried again, and logged by `availability`. */
  async run(availability: Availability, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Rejects only when the signal aborts.
      await availability.until(() => this.look(performance.now()), signal).catch(() => {});
      await sleep(SUPERVISE_SECONDS * 1000, undefined, { signal }).catch(() => {});
    }
  }

  /** One look, at this instant of the process's clock in milliseconds. Throws the database's error. */
  async look(atMs: number): Promise<void> {
    try {
      await this.#look(atMs);
      this.#lookFailed = false;
    } catch (err) {
      this.#lookFailed = true;
      throw err;
    }
  }

  async #look(atMs: number): Promise<void> {
    const { queue, clock, cron } = this.#options;
    const reading = await clock.read();
    const repairs = await Promise.allSettled([
      reading.ahead && clock.takeBack(),
      !reading.scheduled && queue.restore(),
    ]);
    if (reading.sweepId !== this.#awaited?.sweepId) {
      this.#awaited = awaitNext(cron, reading, atMs);
      this.#refusals = 0;
    }
    this.#awaited = withPatience(this.#awaited, atMs, this.#patienceMs(reading.nowMs, atMs));
    const lateMs = overdueMs(this.#awaited, reading, atMs);
    if (lateMs > 0) await this.#makeUp(this.#awaited, reading, lateMs, atMs);
    // Only now: a repair that is refused need not keep a sweep from being asked for.
    for (const repair of repairs) if (repair.status === 'rejected') throw repair.reason;
  }

  /** pg-boss, too, comes back only now, or learns only now what time it is: it makes up for what it missed by itself. */
  #patienceMs(nowMs: number, seenAtMs: number): number {
    const before = this.#before;
    this.#before = { nowMs, seenAtMs };
    if (before && hasLeapt(before, this.#before)) return LEAP_PATIENCE_MS;
    return this.#lookFailed ? GRACE_MS : 0;
  }

  /** Once for an occurrence: what is awaited next is the one after it. */
  async #makeUp(missed: Awaited, reading: Reading, lateMs: number, atMs: number): Promise<void> {
    const { queue, cron, log } = this.#options;
    // A sweep that is longer than a tick: what comes due meanwhile is dropped on purpose.
    const requested = !reading.active && (await queue.request('cron'));
    this.#refusals = requested || reading.active ? 0 : this.#refusals + 1;
    if (this.#refusals === 0) this.#awaited = awaitNext(cron, reading, atMs);
    // Refused once: another replica was a moment quicker, and logs it. Again: it is queued, and nobody takes it.
    if ((requested || this.#refusals > 1) && this.#missed.isDue('tick', atMs)) {
      log.emit('sweep.tick_missed', { dueAt: new Date(missed.dueMs).toISOString(), lateMs });
    }
  }
}
