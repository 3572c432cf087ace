import type { LedgerDb } from '../../db/schema.ts';
import { processTime, type Time } from '../../lifecycle/time.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';
import { refusalOf } from '../observed-time/refusal.ts';
import { stateRow } from '../state-row.ts';
import { sweeperTables } from '../tables.ts';
import type { ThresholdOptions } from '../threshold/staleness.ts';
import { dueAtUs } from './due.ts';
import { LOOK_EVERY_MS, type Look } from './next-step.ts';
import { nothingKnown, type Question, questionAfter } from './question.ts';
import { lookStatement } from './statements/look.ts';

type Answer = Awaited<ReturnType<ReturnType<typeof lookStatement>['run']>>[number];

/**
 * Rows in progress are read again when the next of them comes due, and at the latest after a hundred times what reading
 * them took; but not before five times that. It takes no time worth mentioning with a healthy fleet, and half a second per
 * million rows where the threshold is so short that the whole fleet stands in the horizon's bucket.
 */
const REST_FACTOR = 100;
const REST_FACTOR_MIN = 5;

/** Looks for what comes due next: one statement a look, and a second one where another sweep may have left what seems due. */
export class Looks {
  readonly #db: LedgerDb;
  readonly #options: ThresholdOptions;
  readonly #time: Time;
  readonly #statement: ReturnType<typeof lookStatement>;
  #question: Question = nothingKnown;
  /** By the process's clock: when rows in progress may be read again, and when they must be. */
  #readableAtMs = Number.NEGATIVE_INFINITY;
  #readAgainAtMs = Number.NEGATIVE_INFINITY;
  /** What was due when rows in progress were last read, until another sweep has judged; null: nothing was. */
  #dueUs: Micros | null = null;

  constructor(db: LedgerDb, options: ThresholdOptions, time: Time = processTime) {
    this.#db = db;
    this.#options = options;
    this.#time = time;
    this.#statement = lookStatement(sweeperTables(db));
  }

  /** `asksEmpty`: whether nothing is open is looked for, too. @throws the database's error. */
  async look(asksEmpty = false): Promise<Look> {
    const asked = this.#question;
    const look = await this.#ask(asksEmpty);
    if (this.#question.basis === asked.basis) return look;
    // Another sweep has judged, or a gap was recorded, so the question was outdated: among its rows are those that the sweep
    // left. Where none of them is due before the next look, there is nothing to repeat.
    const { basis } = this.#question;
    this.#readAgainAtMs = this.#readableAtMs;
    this.#dueUs = null;
    const isNear = look.dueUs !== null && look.dueUs < look.nowUs + LOOK_EVERY_MS * MICROS_PER_MS;
    if (asked.judgedAtUs !== null && !isNear) return look;
    const again = await this.#ask(asksEmpty);
    return this.#question.basis === basis ? again : { ...again, dueUs: null };
  }

  async #ask(asksEmpty: boolean): Promise<Look> {
    const { judgedAtUs, deadlinesFromUs, staleness, ranges, lagMs } = this.#question;
    const heard = judgedAtUs !== null && this.#time.now() >= this.#readAgainAtMs;
    const [row] = await this.#statement.run(this.#db, {
      daemonId: null,
      judgedAt: judgedAtUs,
      deadlinesFrom: deadlinesFromUs,
      staleness,
      heard,
      ranges,
      lagMs,
      asksEmpty,
    });
    const answer = stateRow(row);
    this.#question = questionAfter(answer, this.#options);
    const heardDueUs = answer.hasRead ? this.#rest(answer) : this.#readAgainUs(answer.nowUs);
    return lookOf(answer, this.#dueOf(answer, heardDueUs));
  }

  /**
   * While an operator holds, silence does not come due, but deadlines do; what it kept does when the hold ends. A sweep that was
   * held has not judged the end, also where it began after it: a release is visible only when it is committed.
   */
  #dueOf(
    { nowUs, judgedAtUs, wasHeld, deadlineUs, specialUs, holdEndsUs }: Answer,
    heardDueUs: Micros | null,
  ): Micros | null {
    if (holdEndsUs !== null && holdEndsUs > nowUs) return earliest([deadlineUs, holdEndsUs]);
    const isEndJudged = holdEndsUs === null || judgedAtUs === null || (!wasHeld && holdEndsUs < judgedAtUs);
    return earliest([deadlineUs, specialUs, heardDueUs, this.#dueUs, isEndJudged ? null : holdEndsUs]);
  }

  /** Rows in progress were read. Returns when the next of them comes due. */
  #rest({ heardUs, nowUs, tookUs }: Answer): Micros | null {
    const { stuckAfterMs, gaps } = this.#question;
    const dueUs = heardUs === null ? null : dueAtUs(heardUs, stuckAfterMs, gaps);
    const dueInMs = dueUs === null ? Number.POSITIVE_INFINITY : (dueUs - nowUs) / MICROS_PER_MS;
    const tookMs = tookUs / MICROS_PER_MS;
    const atMs = this.#time.now();
    this.#readableAtMs = atMs + REST_FACTOR_MIN * tookMs;
    this.#readAgainAtMs = Math.max(this.#readableAtMs, atMs + Math.min(dueInMs, REST_FACTOR * tookMs));
    this.#dueUs = dueInMs < 0 ? dueUs : null;
    return dueUs;
  }

  /** Rows in progress were not read: none of them counts as due until they are, but one that was due before. */
  #readAgainUs(nowUs: Micros): Micros | null {
    const inMs = this.#readAgainAtMs - this.#time.now();
    return Number.isFinite(inMs) ? nowUs + Math.max(1, Math.ceil(inMs)) * MICROS_PER_MS : null;
  }
}

function lookOf({ isHeldByStorm, ...answer }: Answer, dueUs: Micros | null): Look {
  const { nowUs, judgedAtUs, leaseId, isRecorded, isBetweenTicks, isEmpty } = answer;
  const judgedForMs = answer.judgedForMs ?? 0;
  const isLeftToTicks = isHeldByStorm || refusalOf(answer) !== null;
  return { nowUs, judgedAtUs, judgedForMs, leaseId, isRecorded, isBetweenTicks, isLeftToTicks, isEmpty, dueUs };
}

function earliest(instants: readonly (Micros | null)[]): Micros | null {
  const known = instants.filter((us) => us !== null);
  return known.length === 0 ? null : Math.min(...known);
}
