import { randomUUID } from 'node:crypto';
import type { LedgerDb } from '../../db/schema.ts';
import { processTime, type Time } from '../../lifecycle/time.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import { isoOf, type Micros, wholeMs } from '../instant.ts';
import { sweeperTables } from '../tables.ts';
import { Agreement } from '../threshold/agreement.ts';
import { Beats, type LeftBeat } from './beats.ts';
import { type ClockReading, jumpBetween } from './clock-watch.ts';
import { BEATS_MISSED_MAX, beatIntervalMs, horizonOf } from './horizon.ts';
import { SetBack } from './set-back.ts';

/** STUCK_AFTER's upper bound: no horizon reaches further back than this much observed time. */
const STUCK_AFTER_MAX_MS = 30 * 24 * 3_600_000;
const PRUNE_EVERY_MS = 3_600_000;
const DIFFERS_REPEAT_MS = 3_600_000;
/** How far ahead of the clock a beat may lie before the clock counts as set back. */
const AHEAD_TOLERATED_US = 1_000_000;

/**
 * The daemon's own sign of life, in the database: time without one was observed by nobody, and does not count as any
 * agent's silence. Each beat also says by which threshold this daemon judges, and compares what the database says with
 * what this process remembers: its clock with the monotonic one of the process, its last beat with the one that was
 * committed. Emits sweep.unobserved, clock.jumped, database.rewound and config.differs.
 */
export class Beat {
  readonly intervalMs: number;
  readonly daemonId = randomUUID();
  readonly #beats: Beats;
  readonly #agreement: Agreement;
  readonly #setBack: SetBack;
  readonly #log: EventLog;
  readonly #stuckAfterMs: number;
  readonly #time: Time;
  readonly #prunings = new Repeats(PRUNE_EVERY_MS);
  readonly #differences = new Repeats(DIFFERS_REPEAT_MS);
  #lastLeftUs: Micros | null = null;
  #lastReading: ClockReading | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(db: LedgerDb, log: EventLog, stuckAfterMs: number, time: Time = processTime) {
    const tables = sweeperTables(db);
    this.intervalMs = beatIntervalMs(stuckAfterMs);
    this.#beats = new Beats(db, tables);
    this.#agreement = new Agreement(db, tables);
    this.#setBack = new SetBack(db, tables);
    this.#log = log;
    this.#stuckAfterMs = stuckAfterMs;
    this.#time = time;
  }

  /** @throws the database's error. Returns by how much this host's clock is ahead of the database's, in ms. */
  leave(): Promise<{ skewMs: number }> {
    // One after the other: a sweep that is surprised asks for a beat, too.
    const left = this.#turn.then(() => this.#leave());
    this.#turn = left.catch(() => {});
    return left;
  }

  now(): number {
    return this.#time.now();
  }

  /** Whether a reading is at odds with what this process remembers: then nothing is judged before a beat was left. */
  isSurprisedBy(reading: ClockReading, ownBeatAtUs: Micros | null): boolean {
    if (this.#lastReading !== null && jumpBetween(this.#lastReading, reading) !== 0) return true;
    return this.#lastLeftUs !== null && (ownBeatAtUs === null || ownBeatAtUs < this.#lastLeftUs);
  }

  async #leave(): Promise<{ skewMs: number }> {
    const gapAfterMs = this.intervalMs * BEATS_MISSED_MAX;
    const sentAt = Date.now();
    const sentAtMs = this.#time.now();
    const beat = await this.#beats.leave({
      daemonId: this.daemonId,
      stuckAfterMs: this.#stuckAfterMs,
      gapAfterMs,
      lastLeftUs: this.#lastLeftUs,
    });
    const reading: ClockReading = { databaseUs: beat.nowUs, sentAtMs, heardAtMs: this.#time.now() };
    // The database read its clock somewhere between the two readings; the middle errs by half a round trip at most.
    const skewMs = Math.round((sentAt + Date.now()) / 2 - wholeMs(beat.nowUs));
    this.#sayGap(beat);
    await this.#followClock(beat, reading, gapAfterMs);
    // Kept once the jump between them is recorded: a beat that failed before that leaves it to the next one.
    this.#lastReading = reading;
    this.#lastLeftUs = beat.nowUs;
    await this.#agree(beat);
    if (beat.gap !== null || this.#prunings.isDue('prune', this.#time.now())) await this.#prune(beat.nowUs);
    return { skewMs };
  }

  #sayGap({ gap }: LeftBeat): void {
    if (gap === null) return;
    const gapMs = wholeMs(gap.endUs - gap.startUs);
    if (gap.kind !== 'rewound') {
      this.#log.emit('sweep.unobserved', { gapStart: isoOf(gap.startUs), gapEnd: isoOf(gap.endUs), gapMs });
      return;
    }
    const lastBeatUs = this.#lastLeftUs ?? gap.startUs;
    this.#log.emit('database.rewound', {
      lostMs: Math.max(0, wholeMs(lastBeatUs - gap.startUs)),
      lastBeat: isoOf(lastBeatUs),
      databaseBeat: isoOf(gap.startUs),
    });
  }

  async #followClock(beat: LeftBeat, reading: ClockReading, gapAfterMs: number): Promise<void> {
    const { nowUs, beatAtUs } = beat;
    const before = this.#lastReading;
    const jumpUs = before === null ? 0 : jumpBetween(before, reading);
    if (before !== null && jumpUs > 0) {
      const gap = await this.#beats.recordJump({ sinceUs: before.databaseUs, nowUs, jumpUs }, gapAfterMs);
      if (gap !== null) this.#sayJump(jumpUs, gap.startUs, gap.endUs);
      return;
    }
    const aheadUs = beatAtUs === null ? 0 : beatAtUs - nowUs;
    if (jumpUs === 0 && aheadUs <= AHEAD_TOLERATED_US) return;
    await this.#setBack.takeBack(nowUs);
    const backUs = jumpUs < 0 ? -jumpUs : aheadUs;
    this.#sayJump(-backUs, nowUs + backUs, nowUs);
  }

  #sayJump(jumpUs: number, fromUs: Micros, toUs: Micros): void {
    this.#log.emit('clock.jumped', { jumpMs: Math.round(jumpUs / 1000), from: isoOf(fromUs), to: isoOf(toUs) });
  }

  async #agree({ inForceMs, shownMs, longestMs }: LeftBeat): Promise<void> {
    const isAgreed = inForceMs === longestMs && shownMs === longestMs;
    const agreedMs = isAgreed ? longestMs : await this.#agreement.reach(this.daemonId, this.#stuckAfterMs);
    // What somebody wrote who is no party to the agreement: a daemon of 0.1.0, at each of its beats.
    const foreignMs = inForceMs === longestMs && shownMs !== longestMs ? shownMs : null;
    if (agreedMs === this.#stuckAfterMs && foreignMs === null) return;
    if (!this.#differences.isDue('differs', this.#time.now())) return;
    this.#log.emit('config.differs', {
      stuckAfterMs: this.#stuckAfterMs,
      inForceMs: Math.max(agreedMs, foreignMs ?? 0),
    });
  }

  async #prune(nowUs: Micros): Promise<void> {
    await this.#beats.prune(horizonOf(nowUs, STUCK_AFTER_MAX_MS, await this.#beats.gaps()).atUs);
  }
}
