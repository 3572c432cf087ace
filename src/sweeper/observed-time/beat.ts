import { randomUUID } from 'node:crypto';
import type { LedgerDb } from '../../db/schema.ts';
import { processTime, type Time } from '../../lifecycle/time.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import { BEATS_MISSED_MAX, beatIntervalMs, horizonOf } from '../horizon.ts';
import { isoOf, type Micros, wholeMs } from '../instant.ts';
import { sweeperTables } from '../tables.ts';
import { Agreement } from '../threshold/agreement.ts';
import { Beats, type LeaveTogether, type LeftBeat } from './beats.ts';
import { ClockMemory, type ClockSeen, forwardUsTo, seenWith, setBackBefore } from './clock-memory.ts';
import type { ClockReading } from './clock-watch.ts';
import { SetBack } from './set-back.ts';

/** The upper bound of STUCK_AFTER: no horizon reaches further back than this much observed time. */
const STUCK_AFTER_MAX_MS = 30 * 24 * 3_600_000;
const PRUNE_EVERY_MS = 3_600_000;
const DIFFERS_REPEAT_MS = 3_600_000;
/** After a beat that failed, a shorter time without a beat is no gap. */
const OUTAGE_MIN_MS = 1_000;

/**
 * The daemon's own sign of life, in the database: time without a beat is unobserved, and does not count as silence. Each
 * beat also publishes the threshold of this daemon, and compares the database with what this process remembers: the
 * database's clock with the process's monotonic one, and the last beat there with the last one committed.
 *
 * Risk: a gap or jump that is missed makes an outage of the database look like silence of agents, and marks living ones.
 * Emits sweep.unobserved, clock.jumped, database.rewound, config.differs.
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
  /** By how much the clock was set back, until that has been followed. The database tells it to one beat. */
  #unfollowedBackUs: number | null = null;
  readonly #clock = new ClockMemory();
  /** By the process's clock, since when the database is known to be away without a beat since; null: it is not. */
  #failingSinceMs: number | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(db: LedgerDb, log: EventLog, stuckAfterMs: number, time: Time = processTime, together?: LeaveTogether) {
    const tables = sweeperTables(db);
    this.intervalMs = beatIntervalMs(stuckAfterMs);
    this.#beats = new Beats(db, tables, together);
    this.#agreement = new Agreement(db, tables);
    this.#setBack = new SetBack(db, tables);
    this.#log = log;
    this.#stuckAfterMs = stuckAfterMs;
    this.#time = time;
  }

  /** Resolves with how far this host's clock is ahead of the database's at least, in ms. @throws the database's error. */
  leave(): Promise<{ skewMs: number }> {
    // One after the other: a sweep that finds a contradiction leaves a beat, too.
    const left = this.#turn.then(() => this.#leave());
    this.#turn = left.catch(() => {});
    return left;
  }

  now(): number {
    return this.#time.now();
  }

  /** The database was away between two beats: what was sent to it at this instant, by `now()`, failed. */
  missed(sentAtMs: number): void {
    this.#failingSinceMs ??= sentAtMs;
  }

  /** This process has read the database's clock. Returns whether that was set, and no beat has recorded it yet. */
  noticed(reading: ClockReading): boolean {
    return this.#clock.note(reading);
  }

  /**
   * Whether a reading contradicts what this process remembers, or the database was away since the last beat: then a beat
   * has to record why, before anything is judged.
   */
  isContradictedBy(reading: ClockReading, ownBeatAtUs: Micros | null): boolean {
    if (this.#failingSinceMs !== null) return true;
    if (this.noticed(reading)) return true;
    return this.#lastLeftUs !== null && (ownBeatAtUs === null || ownBeatAtUs < this.#lastLeftUs);
  }

  async #leave(): Promise<{ skewMs: number }> {
    const gapAfterMs = this.intervalMs * BEATS_MISSED_MAX;
    const sentAt = Date.now();
    const sentAtMs = this.#time.now();
    const { seen } = this.#clock;
    const beat = await this.#beats
      .leave({
        daemonId: this.daemonId,
        stuckAfterMs: this.#stuckAfterMs,
        gapAfterMs: Math.min(gapAfterMs, this.#outageMs(sentAtMs)),
        lastLeftUs: this.#lastLeftUs,
        setBackBefore: setBackBefore(seen, sentAtMs),
        sawSetBack: seen.backUs > 0,
      })
      .catch((err: unknown) => {
        this.missed(sentAtMs);
        throw err;
      });
    this.#failingSinceMs = null;
    const reading: ClockReading = { databaseUs: beat.nowUs, sentAtMs, heardAtMs: this.#time.now() };
    const skewMs = certainSkewMs(sentAt, Date.now(), wholeMs(beat.nowUs));
    this.#logGap(beat);
    await this.#followClock(beat, reading, seen, gapAfterMs);
    // Only after the jump is recorded: when that fails, the next beat finds it again.
    this.#clock.recorded(seen, reading);
    this.#lastLeftUs = beat.nowUs;
    await this.#agree(beat);
    if (beat.gap !== null || this.#prunings.claim('prune', this.#time.now())) await this.#prune(beat.nowUs);
    return { skewMs };
  }

  /**
   * How long the database has been away by now. So long without any daemon's beat is a gap, even when it is shorter than three
   * intervals: a delegation's own threshold may be as short.
   */
  #outageMs(nowMs: number): number {
    const sinceMs = this.#failingSinceMs;
    return sinceMs === null ? Number.POSITIVE_INFINITY : Math.max(OUTAGE_MIN_MS, nowMs - sinceMs);
  }

  #logGap({ gap }: LeftBeat): void {
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

  async #followClock(beat: LeftBeat, reading: ClockReading, before: ClockSeen, gapAfterMs: number): Promise<void> {
    const { nowUs, beatAtUs } = beat;
    const seen = seenWith(before, reading);
    const unfollowedUs = this.#unfollowedBackUs;
    const wasSetBack = beat.wasSetBack || unfollowedUs !== null;
    const backUs = Math.max(seen.backUs, unfollowedUs ?? 0, beatAtUs === null ? 0 : beatAtUs - nowUs);
    if (wasSetBack) {
      this.#unfollowedBackUs = backUs;
      await this.#setBack.takeBack(nowUs);
    }
    const jumpUs = forwardUsTo(seen, reading);
    const gap =
      seen.base === null || jumpUs === 0
        ? null
        : await this.#beats.recordJump(
            { sinceUs: seen.base.databaseUs, nowUs, jumpUs, isCertain: wasSetBack },
            gapAfterMs,
          );
    this.#unfollowedBackUs = null;
    if (wasSetBack) this.#logJump(-backUs, nowUs + backUs, nowUs);
    if (gap !== null) this.#logJump(jumpUs, gap.startUs, gap.endUs);
  }

  #logJump(jumpUs: number, fromUs: Micros, toUs: Micros): void {
    this.#log.emit('clock.jumped', { jumpMs: Math.round(jumpUs / 1000), from: isoOf(fromUs), to: isoOf(toUs) });
  }

  async #agree({ inForceMs, shownMs, longestMs, hasUndated }: LeftBeat): Promise<void> {
    if (hasUndated) await this.#agreement.date();
    const isAgreed = inForceMs === longestMs && shownMs === longestMs;
    const agreedMs = isAgreed ? longestMs : await this.#agreement.reach(this.daemonId, this.#stuckAfterMs);
    // A daemon of 0.1.0 does not take part in the agreement, and writes its own threshold at each of its beats.
    const foreignMs = inForceMs === longestMs && shownMs !== longestMs ? shownMs : null;
    if (agreedMs === this.#stuckAfterMs && foreignMs === null) return;
    if (!this.#differences.claim('differs', this.#time.now())) return;
    this.#log.emit('config.differs', {
      stuckAfterMs: this.#stuckAfterMs,
      inForceMs: Math.max(agreedMs, foreignMs ?? 0),
    });
  }

  async #prune(nowUs: Micros): Promise<void> {
    await this.#beats.prune(horizonOf(nowUs, STUCK_AFTER_MAX_MS, await this.#beats.gaps()).atUs);
  }
}

/** The database read its clock between these two instants of this host's. A difference that the round trip may explain counts as none. */
function certainSkewMs(sentAt: number, heardAt: number, database: number): number {
  if (database < sentAt) return Math.round(sentAt - database);
  return Math.round(Math.min(0, heardAt - database));
}
