import { observedUsSince } from '../../../src/sweeper/horizon.ts';
import {
  AGE_BINS,
  ageBoundsUs,
  type ClassAges,
  heardBeforeUs,
  hitBy,
  silenceOf,
  sumOf,
  WATCHED_FROM_BIN,
} from '../../../src/sweeper/storm/ages.ts';
import {
  CALLEES_MIN,
  calm,
  judgeStorm,
  type StormState,
  staleAllowed,
  toWatch,
} from '../../../src/sweeper/storm/storm-guard.ts';
import type { Agent, Run } from './simulated-fleet.ts';

const US = 1_000_000;
/** Any instant: the simulation's second 0. */
const EPOCH_US = 1_700_000_000 * US;
const PLAIN_CLASS = 0;

const { floor, log2, max, min, round } = Math;
const NEVER = Number.POSITIVE_INFINITY;
const BEFORE_ALL = Number.NEGATIVE_INFINITY;

const usOf = (second: number) => EPOCH_US + round(second * US);

/** A delegation in progress. Millions of them are asked each second of a run: what is asked is a plain field. */
export class Row {
  readonly agent: Agent;
  lastUs = BEFORE_ALL;
  /** It waits, or has a threshold of its own. */
  isSpecial: boolean;
  /** The second of the next thing that `hear` has to tell it. */
  nextAt: number;
  /** Of its age, when it was last counted. */
  bin = 0;
  #waitsUntil: number | null = null;
  #next = 0;

  constructor(of: Agent) {
    this.agent = of;
    this.isSpecial = of.ownMs !== undefined;
    this.nextAt = this.#earliest();
  }

  hear(untilSecond: number): void {
    const { heard, wait } = this.agent;
    if (wait && untilSecond >= wait.from) {
      this.#waitsUntil = wait.until;
      this.isSpecial = true;
    }
    while (this.#next < heard.length && heard[this.#next]! <= untilSecond) {
      this.lastUs = usOf(heard[this.#next]!);
      this.#next += 1;
    }
    this.nextAt = this.#earliest();
  }

  #earliest(): number {
    const { heard, wait } = this.agent;
    const beat = heard[this.#next] ?? NEVER;
    return wait && this.#waitsUntil === null ? min(beat, wait.from) : beat;
  }

  isWaiting(at: number): boolean {
    return this.#waitsUntil !== null && at < this.#waitsUntil;
  }

  /** Since when its silence counts. */
  get heardUs(): number {
    return this.#waitsUntil === null ? this.lastUs : max(this.lastUs, usOf(this.#waitsUntil));
  }
}

/** The storm guard with its memory in a variable and counts made in code. */
export class SimulatedGuard {
  readonly released: string[] = [];
  readonly #run: Run;
  #state: StormState = calm;
  #watched = { rows: 0, beforeUs: 0, at: BEFORE_ALL };
  readonly #bounds = new Map<number, number[]>();
  #judgedAt = BEFORE_ALL;

  constructor(run: Run) {
    this.#run = run;
  }

  /** Whether the daemon would have a sweep now, between its ticks. */
  hasDue(at: number, open: readonly Row[]): boolean {
    if (this.#state.heldSinceUs !== null) return false;
    const judgedAt = this.#judgedAt;
    const [horizonUs, judgedUs] = [this.#horizonUs(at), this.#horizonUs(judgedAt)];
    for (const row of open) {
      if (this.#isStale(row, at, horizonUs) && !this.#isStale(row, judgedAt, judgedUs)) return true;
    }
    return false;
  }

  #gaps(at: number) {
    const { unobserved } = this.#run;
    if (unobserved === undefined || unobserved.isSilence || at < unobserved.until) return [];
    return [{ startUs: usOf(unobserved.from), endUs: usOf(unobserved.until) }];
  }

  #boundsUs(at: number): number[] {
    const known = this.#bounds.get(at);
    if (known) return known;
    const boundsUs = ageBoundsUs({ nowUs: usOf(at), gaps: this.#gaps(at) }, this.#run.stuckAfterMs);
    this.#bounds.set(at, boundsUs);
    return boundsUs;
  }

  #thresholdMs({ agent }: Row): number {
    return agent.ownMs ?? this.#run.stuckAfterMs;
  }

  /** A special row's age in parts of its own threshold. */
  #age(row: Row, at: number): number {
    const silentUs = observedUsSince(row.heardUs, usOf(at), this.#gaps(at));
    return silentUs / (this.#thresholdMs(row) * 1000);
  }

  /** Nothing is stale at the instant of a sweep that has not been. */
  #horizonUs(at: number): number {
    return at === BEFORE_ALL ? at : this.#boundsUs(at)[0]!;
  }

  #isStale(row: Row, at: number, horizonUs: number): boolean {
    if (!row.isSpecial) return row.lastUs < horizonUs;
    return at !== BEFORE_ALL && !row.isWaiting(at) && this.#age(row, at) > 1;
  }

  #binOf(row: Row, at: number, boundsUs: readonly number[]): number {
    if (!row.isSpecial) {
      // The bounds ascend: how many of them are after it.
      let [from, until] = [0, AGE_BINS];
      while (from < until) {
        const middle = (from + until) >> 1;
        if (boundsUs[middle]! > row.lastUs) until = middle;
        else from = middle + 1;
      }
      return AGE_BINS - from;
    }
    const age = this.#age(row, at);
    return age > 1 ? AGE_BINS : min(AGE_BINS - 1, max(0, floor(AGE_BINS * age)));
  }

  #classOf(row: Row): number {
    return row.isSpecial ? floor(log2(this.#thresholdMs(row))) : PLAIN_CLASS;
  }

  sweep(at: number, open: readonly Row[]): { action: string; marked: readonly Row[] } {
    const { stuckAfterMs, options } = this.#run;
    this.#judgedAt = at;
    const boundsUs = this.#boundsUs(at);
    const horizonUs = this.#horizonUs(at);
    const lateUs = heardBeforeUs(boundsUs, WATCHED_FROM_BIN);
    const stale: Row[] = [];
    let latePlain = 0;
    for (const row of open) {
      if (this.#isStale(row, at, horizonUs)) stale.push(row);
      if (!row.isSpecial && row.lastUs < lateUs) latePlain += 1;
    }
    if (latePlain === 0 && stale.length === 0 && this.#state === calm) return { action: 'sweep', marked: [] };
    const signs = {
      ...this.#count(open, at, boundsUs),
      stale: stale.length,
      cameBack: max(0, this.#watched.rows - this.#stillSilent(open)),
    };
    const moment = { nowUs: usOf(at), stuckAfterMs, force: false };
    const { action, state, released } = judgeStorm(signs, this.#state, options, moment);
    const allowed = min(stale.length, staleAllowed(action, stale.length));
    this.#state = state;
    const { which, rows } = toWatch({ action, state }, { stale: stale.length, late: latePlain });
    this.#watched = { rows, beforeUs: which === 'late' ? lateUs : boundsUs[0]!, at };
    if (released) this.released.push(released);
    if (allowed === 0 || allowed === stale.length) return { action, marked: allowed === 0 ? [] : stale };
    return { action, marked: stale.toSorted((a, b) => a.lastUs - b.lastUs).slice(0, allowed) };
  }

  #stillSilent(open: readonly Row[]): number {
    const { at, beforeUs } = this.#watched;
    let silent = 0;
    for (const row of open) if (this.#isStale(row, at, beforeUs)) silent += 1;
    return silent;
  }

  #count(open: readonly Row[], at: number, boundsUs: readonly number[]) {
    const plain = noRows();
    const rowsByAge = new Map([[PLAIN_CLASS, plain]]);
    let late = 0;
    let inFlight = 0;
    for (const row of open) {
      if (!this.#isExpected(row, at)) continue;
      row.bin = this.#binOf(row, at, boundsUs);
      if (row.bin >= WATCHED_FROM_BIN) late += 1;
      inFlight += 1;
      const counts = row.isSpecial ? this.#countsOf(rowsByAge, row) : plain;
      counts[row.bin]! += 1;
    }
    const classes = silenceOf([...rowsByAge].map(([of, counts]): ClassAges => ({ class: of, rowsByAge: counts })));
    const { ratio, minCallees: enough = CALLEES_MIN } = this.#run.options;
    const hit = hitBy(classes, ratio);
    const fromBins = new Map(hit.map(({ class: of, fromBin }) => [of, fromBin ?? NEVER]));
    const plainFromBin = fromBins.get(PLAIN_CLASS) ?? NEVER;
    const callees = new Set<string>();
    for (const row of open) {
      const fromBin = row.isSpecial ? (fromBins.get(this.#classOf(row)) ?? NEVER) : plainFromBin;
      if (row.bin >= fromBin && this.#isExpected(row, at)) callees.add(row.agent.callee);
      // Only whether there are enough of them matters.
      if (callees.size === enough) break;
    }
    return {
      silent: sumOf(classes.map((each) => each.silent)),
      inFlight,
      hit: { silent: sumOf(hit.map((each) => each.silent)), inFlight: sumOf(hit.map((each) => each.inFlight)) },
      late,
      callees: callees.size,
    };
  }

  #countsOf(rowsByAge: Map<number, number[]>, row: Row): number[] {
    const of = this.#classOf(row);
    const counts = rowsByAge.get(of) ?? noRows();
    rowsByAge.set(of, counts);
    return counts;
  }

  #isExpected(row: Row, at: number): boolean {
    return !row.isSpecial || !row.isWaiting(at);
  }
}

const noRows = () => Array.from({ length: AGE_BINS + 1 }, () => 0);
