import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import type { Cron } from '../status/cron.ts';
import type { PgBossClock, Reading } from './pgboss-clock.ts';
import type { SweepQueue } from './sweep-queue.ts';
import {
  type Awaited,
  awaitNext,
  type Clocks,
  GRACE_MS,
  hasJumpedForward,
  JUMP_GRACE_MS,
  latenessMs,
  withGrace,
} from './tick-watch.ts';

/** A tick that stays missed is logged again after this long. */
const MISSED_REPEAT_MS = 60_000;

export interface UpkeepOptions {
  readonly queue: SweepQueue;
  readonly clock: PgBossClock;
  readonly cron: Cron;
  readonly log: EventLog;
  /** How long after an occurrence its sweep may begin. */
  readonly graceMs?: number;
}

/**
 * Keeps sweeps coming when pg-boss's ticks do not: requests the sweep that did not come, restores a queue that was dropped,
 * and corrects pg-boss's instants after the database's clock was set back. Costs one small query every ten seconds. Emits
 * sweep.tick_missed.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #missed = new Repeats(MISSED_REPEAT_MS);
  #awaited: Awaited | null = null;
  #before: Clocks | null = null;
  #failedBefore = false;
  #refusals = 0;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** One round, at this instant of the process's clock. @throws the database's error. */
  async maintain(atMs: number): Promise<void> {
    try {
      await this.#maintain(atMs);
      this.#failedBefore = false;
    } catch (err) {
      this.#failedBefore = true;
      throw err;
    }
  }

  async #maintain(atMs: number): Promise<void> {
    const { queue, clock, cron, graceMs } = this.#options;
    const reading = await clock.read();
    const repairs = await Promise.allSettled([
      reading.ahead && clock.takeBack(),
      !reading.scheduled && queue.restore(),
    ]);
    if (reading.sweepId !== this.#awaited?.sweepId) {
      this.#awaited = awaitNext(cron, reading, atMs);
      this.#refusals = 0;
    }
    this.#awaited = withGrace(this.#awaited, atMs, this.#graceMs(reading.nowMs, atMs));
    const lateMs = latenessMs(this.#awaited, reading, atMs, graceMs);
    if (lateMs > 0) await this.#requestLate(this.#awaited, reading, lateMs, atMs);
    // Last, since a repair that is refused must not keep a sweep from being requested.
    for (const repair of repairs) if (repair.status === 'rejected') throw repair.reason;
  }

  /** After a jump or an outage pg-boss, too, needs time to notice; then it queues what it missed by itself. */
  #graceMs(nowMs: number, seenAtMs: number): number {
    const { graceMs = GRACE_MS } = this.#options;
    const before = this.#before;
    this.#before = { nowMs, seenAtMs };
    if (before && hasJumpedForward(before, this.#before)) return JUMP_GRACE_MS + graceMs;
    return this.#failedBefore ? graceMs : 0;
  }

  /** Once per occurrence: afterwards the next one is awaited. */
  async #requestLate(missed: Awaited, reading: Reading, lateMs: number, atMs: number): Promise<void> {
    const { queue, cron, log } = this.#options;
    // A sweep that takes longer than a tick: ticks that come due meanwhile are dropped on purpose.
    const requested = !reading.active && (await queue.request('cron'));
    this.#refusals = requested || reading.active ? 0 : this.#refusals + 1;
    if (this.#refusals === 0) this.#awaited = awaitNext(cron, reading, atMs);
    // Refused once: another replica has just requested it, and logs it. Refused again: it is queued, and no worker takes it.
    if ((requested || this.#refusals > 1) && this.#missed.claim('tick', atMs)) {
      log.emit('sweep.tick_missed', { dueAt: new Date(missed.dueMs).toISOString(), lateMs });
    }
  }
}
