import { randomUUID } from 'node:crypto';
import { isAway } from '../../db/sqlstate.ts';
import type { Service } from '../../lifecycle/service.ts';
import { processTime, type Time } from '../../lifecycle/time.ts';
import type { Availability } from '../../outage/availability.ts';
import type { Beat } from '../observed-time/beat.ts';
import { retrying } from '../schedule/retrying.ts';
import type { Sweeper } from '../sweeper.ts';
import type { Looks } from './looks.ts';
import { type Look, nextStep, SWEEP_EVERY_MS } from './next-step.ts';
import type { Stillness } from './stillness.ts';

/** How long after a failed sweep what comes due is left to the ticks, since each failure is logged. */
const FAILED_PAUSE_MS = 60_000;

type WatchingBeat = Pick<Beat, 'missed' | 'noticed' | 'now'>;

export interface OnTimeOptions {
  /** What notices that something begins in a ledger in which nothing is open. Absent: looks do. */
  readonly stillness?: Stillness;
  readonly time?: Time;
}

/**
 * Sweeps when the next row comes due, between the ticks. It looks for that instant every 2.4 seconds and once more
 * when it has come; then the replica that takes the lease first sweeps, and the others see that it did. Rows that a sweep
 * leaves (locked, poisoned, over budget) are left to the ticks, and so is everything while the storm guard holds. While an
 * operator holds, only deadlines come due; what the hold kept comes due when it ends. What a
 * daemon that dies in between misses is found by the next look of another, or by the tick.
 */
export class OnTime implements Service {
  readonly name = 'on time';
  readonly #looks: Looks;
  readonly #sweeper: Sweeper;
  readonly #availability: Availability;
  readonly #beat: WatchingBeat | undefined;
  readonly #time: Time;
  readonly #stillness: Stillness | undefined;
  readonly #aborter = new AbortController();
  #loop: Promise<void> | undefined;
  #seen = { what: '', sinceMs: 0 };
  /** Leases in a row that this process took from sweeps that had not ended. */
  #taken = 0;

  /** `beat`: this daemon's own. It learns of outages and clocks between two beats, which would look like silence otherwise. */
  constructor(
    looks: Looks,
    sweeper: Sweeper,
    availability: Availability,
    beat?: WatchingBeat,
    { stillness, time = processTime }: OnTimeOptions = {},
  ) {
    this.#stillness = stillness;
    this.#looks = looks;
    this.#sweeper = sweeper;
    this.#availability = availability;
    this.#beat = beat;
    this.#time = time;
  }

  async start(): Promise<void> {
    const { signal } = this.#aborter;
    signal.throwIfAborted();
    this.#loop ??= this.#run(signal);
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
    await this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Both reject only when the signal aborts.
      await this.#turn(signal).catch(() => {});
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    // Before the look.
    const settled = this.#stillness?.settled ?? null;
    const seen = await this.#availability.until(() => this.#look(settled !== null), signal);
    const look = this.#sweeper.hasLeft ? dueSinceLast(seen) : seen;
    if (look.isRecorded) this.#taken = 0;
    // Each time it is patient for twice as long: sweeps that are merely slow must not take the lease from one another for ever.
    const step = nextStep(
      look,
      this.#unchangedForMs(look) / 2 ** this.#taken,
      this.#sweeper.askingMs,
      settled !== null,
    );
    if (step.kind === 'rest') return await this.#stillness!.rest(settled!, signal);
    if (step.kind === 'sweep' && !look.isRecorded) this.#taken += 1;
    const pauseMs = step.kind === 'wait' ? step.ms : await this.#sweep(look, signal);
    await this.#time.sleep(pauseMs, signal);
  }

  async #look(asksEmpty: boolean): Promise<Look> {
    const beat = this.#beat;
    const sentAtMs = beat?.now();
    try {
      const look = await this.#looks.look(asksEmpty);
      if (sentAtMs !== undefined) beat?.noticed({ databaseUs: look.nowUs, sentAtMs, heardAtMs: beat.now() });
      return look;
    } catch (err) {
      if (sentAtMs !== undefined && isAway(err)) beat?.missed(sentAtMs);
      throw err;
    }
  }

  /** How long this process has seen the same row due and the same sweep with the lease. */
  #unchangedForMs({ leaseId, dueUs, nowUs }: Look): number {
    const nowMs = this.#time.now();
    const isDue = dueUs !== null && dueUs < nowUs;
    const what = isDue ? `${leaseId} ${dueUs}` : this.#seen.what;
    if (what !== this.#seen.what) this.#seen = { what, sinceMs: nowMs };
    return nowMs - this.#seen.sinceMs;
  }

  /** Unless another sweep has begun since. Never rejects; the sweeper logs what fails. Returns the pause after it, in ms. */
  async #sweep({ leaseId, judgedAtUs }: Look, signal: AbortSignal): Promise<number> {
    let previous = leaseId;
    let hasSwept = false;
    try {
      await retrying(async () => {
        const sweepId = randomUUID();
        const expected = previous;
        previous = sweepId;
        hasSwept = await this.#sweeper.sweepDue({ sweepId, after: expected, judgedAtUs, signal });
      }, signal);
      // Another replica was quicker and sweeps.
      return hasSwept ? 0 : SWEEP_EVERY_MS;
    } catch {
      return FAILED_PAUSE_MS;
    }
  }
}

/** Suspects that the last sweep was not allowed to ask have been due since then. */
function dueSinceLast(look: Look): Look {
  return { ...look, dueUs: Math.min(look.dueUs ?? look.nowUs, look.judgedAtUs ?? look.nowUs) };
}
