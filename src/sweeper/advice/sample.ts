import { type Gap, observedUsSince } from '../horizon.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';
import { add } from './buckets.ts';
import { Counts, type StoredCounts } from './callee-counts.ts';
import { afterSight, type Followed, type Reading, type Sight } from './followed.ts';

/** Delegations that are followed at once, and of one callee. */
export const FOLLOWED_MAX = 500;
export const FOLLOWED_OF_CALLEE_MAX = 200;
/** One that lives longer counts as if it had ended then: its place is given to others. */
const FOLLOWED_FOR_MAX_US = 86_400_000 * MICROS_PER_MS;
/** What is read so many intervals after its entry has had signs of life that nobody saw. */
const FRESH_INTERVALS = 2.5;
/** Without a reading for so many intervals, the gaps in between are not known. */
const INTERRUPTED_INTERVALS = 3;
/** After so much observed time without a reading, nothing is known of what was followed. */
const FORGOTTEN_AFTER_US = 60_000 * MICROS_PER_MS;

/** A row that was read, of one that is followed (`null`: it is no more) or one that has entered in_progress. */
export interface ChangedRow {
  readonly delegationId: string;
  readonly sight: Sight | null;
}
export interface EnteredRow {
  readonly delegationId: string;
  readonly calleeId: string;
  readonly ownMs: number | null;
  readonly enteredUs: Micros;
  readonly sight: Sight;
}

export interface SampleReading {
  readonly nowUs: Micros;
  readonly gaps: readonly Gap[];
  readonly changed: readonly ChangedRow[];
  /** Of the entries since the last reading, a part that does not depend on how long they live. */
  readonly entered: readonly EnteredRow[];
  /** So many entries stands each of these for. */
  readonly weight: number;
}

/** What a daemon that stops hands on. */
export interface HandedOn {
  readonly readUs: Micros;
  readonly followed: readonly Followed[];
}

/**
 * A bounded sample of delegations, each followed from its entry to in_progress to its end: chosen when it enters, so that
 * long ones are as likely to be chosen as short ones. Pure: it is given what was read.
 */
export class Sample {
  readonly #intervalUs: number;
  readonly #counts = new Counts();
  #followed = new Map<string, Followed>();
  #readUs: Micros | null = null;

  constructor(intervalMs: number) {
    this.#intervalUs = intervalMs * MICROS_PER_MS;
  }

  get followed(): readonly Followed[] {
    return [...this.#followed.values()];
  }

  take({ nowUs, gaps, changed, entered, weight }: SampleReading): void {
    const readUs = this.#readUs ?? nowUs;
    if (this.#isLost(readUs, nowUs, gaps)) this.#followed.clear();
    const isInterrupted = nowUs - readUs > INTERRUPTED_INTERVALS * this.#intervalUs;
    const reading = { nowUs, readUs, gaps, isInterrupted };
    for (const { delegationId, sight } of changed) {
      const followed = this.#followed.get(delegationId);
      if (followed === undefined) continue;
      if (sight === null) this.#followed.delete(delegationId);
      else this.#see(followed, sight, reading);
    }
    for (const { calleeId } of entered) this.#counts.of(calleeId).started += weight;
    this.#admit(entered, { ...reading, isInterrupted: false });
    for (const followed of this.followed) {
      if (nowUs - followed.enteredUs > FOLLOWED_FOR_MAX_US) this.#end(followed);
    }
    this.#readUs = nowUs;
  }

  /** What was counted since the last time. */
  drain(): StoredCounts[] {
    return this.#counts.drain();
  }

  handOn(): HandedOn | null {
    return this.#readUs === null || this.#followed.size === 0
      ? null
      : { readUs: this.#readUs, followed: this.followed };
  }

  resume({ readUs, followed }: HandedOn): void {
    this.#readUs = readUs;
    this.#followed = new Map(followed.map((each) => [each.delegationId, each]));
  }

  /** Nothing is followed any more, and nothing of it is counted. */
  forget(): void {
    this.#followed.clear();
    this.#readUs = null;
  }

  /** The clock went back, the database did, or too much time passed in which heartbeats could have come. */
  #isLost(readUs: Micros, nowUs: Micros, gaps: readonly Gap[]): boolean {
    if (nowUs < readUs) return true;
    if (gaps.some(({ kind, endUs }) => kind === 'rewound' && endUs > readUs)) return true;
    return (
      observedUsSince(readUs, nowUs, gaps) > Math.max(FORGOTTEN_AFTER_US, INTERRUPTED_INTERVALS * this.#intervalUs)
    );
  }

  #see(followed: Followed, sight: Sight, reading: Reading): void {
    const step = afterSight(followed, sight, reading);
    const { gaps } = this.#counts.of(followed.calleeId);
    for (const us of step.gapsUs) add(gaps, us / MICROS_PER_MS);
    this.#followed.set(followed.delegationId, step.followed);
    if (sight.finishedUs !== null) this.#end(step.followed);
  }

  #end({ delegationId, calleeId, longestUs, ownMs }: Followed): void {
    this.#followed.delete(delegationId);
    this.#counts.ended(calleeId, longestUs / MICROS_PER_MS, ownMs);
  }

  /** Those of callees of which few are followed come first. One that has ended already is admitted by the same rule. */
  #admit(entered: readonly EnteredRow[], reading: Reading): void {
    const ofCallee = new Map<string, number>();
    for (const { calleeId } of this.#followed.values()) ofCallee.set(calleeId, (ofCallee.get(calleeId) ?? 0) + 1);
    const followedOf = ({ calleeId }: EnteredRow) => ofCallee.get(calleeId) ?? 0;
    const fresh = entered.filter(({ enteredUs }) => reading.nowUs - enteredUs <= FRESH_INTERVALS * this.#intervalUs);
    let slots = FOLLOWED_MAX - this.#followed.size;
    for (const row of fresh.toSorted((a, b) => followedOf(a) - followedOf(b))) {
      if (slots === 0) return;
      const { delegationId, calleeId, ownMs, enteredUs, sight } = row;
      if (followedOf(row) >= FOLLOWED_OF_CALLEE_MAX || this.#followed.has(delegationId)) continue;
      slots -= 1;
      ofCallee.set(calleeId, followedOf(row) + 1);
      const heard = { stampUs: enteredUs, heardUs: enteredUs, waitingSinceUs: null, longestUs: 0 };
      this.#see({ delegationId, calleeId, ownMs, enteredUs, ...heard }, sight, reading);
    }
  }
}
