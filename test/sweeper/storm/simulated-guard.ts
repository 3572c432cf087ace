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
import { calm, judgeStorm, type StormState, staleAllowed, toWatch } from '../../../src/sweeper/storm/storm-guard.ts';
import type { Agent, Run } from './simulated-fleet.ts';

const US = 1_000_000;
/** Any instant: the simulation's second 0. */
const EPOCH_US = 1_700_000_000 * US;
const PLAIN_CLASS = 0;

const usOf = (second: number) => EPOCH_US + Math.round(second * US);

/** A delegation in progress. */
export class Row {
  readonly agent: Agent;
  lastUs = Number.NEGATIVE_INFINITY;
  #waitsUntil: number | null = null;
  #next = 0;

  constructor(of: Agent) {
    this.agent = of;
  }

  hear(untilSecond: number): void {
    const { heard, wait } = this.agent;
    if (wait && untilSecond >= wait.from) this.#waitsUntil = wait.until;
    while (this.#next < heard.length && heard[this.#next]! <= untilSecond) {
      this.lastUs = usOf(heard[this.#next]!);
      this.#next += 1;
    }
  }

  /** It waits, or has a threshold of its own. */
  get isSpecial(): boolean {
    return this.agent.ownMs !== undefined || this.#waitsUntil !== null;
  }

  isWaiting(at: number): boolean {
    return this.#waitsUntil !== null && at < this.#waitsUntil;
  }

  /** Since when its silence counts. */
  get heardUs(): number {
    return this.#waitsUntil === null ? this.lastUs : Math.max(this.lastUs, usOf(this.#waitsUntil));
  }
}

/** The storm guard with its memory in a variable and counts made in code. */
export class SimulatedGuard {
  readonly released: string[] = [];
  readonly #run: Run;
  #state: StormState = calm;
  #watched = { rows: 0, beforeUs: 0, at: Number.NEGATIVE_INFINITY };
  readonly #bounds = new Map<number, number[]>();
  #judgedAt = Number.NEGATIVE_INFINITY;

  constructor(run: Run) {
    this.#run = run;
  }

  /** Whether the daemon would have a sweep now, between its ticks. */
  hasDue(at: number, open: readonly Row[]): boolean {
    if (this.#state.heldSinceUs !== null) return false;
    return open.some((row) => this.#isStale(row, at) && !this.#isStale(row, this.#judgedAt));
  }

  #gaps(at: number) {
    const { unobserved } = this.#run;
    if (unobserved === undefined || at < unobserved.until) return [];
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

  #isStale(row: Row, at: number): boolean {
    if (at === Number.NEGATIVE_INFINITY || row.isWaiting(at)) return false;
    return row.isSpecial ? this.#age(row, at) > 1 : row.lastUs < this.#boundsUs(at)[0]!;
  }

  #binOf(row: Row, at: number, boundsUs: readonly number[]): number {
    if (!row.isSpecial) return AGE_BINS - 1 - boundsUs.findLastIndex((boundUs) => boundUs <= row.lastUs);
    const age = this.#age(row, at);
    return age > 1 ? AGE_BINS : Math.min(AGE_BINS - 1, Math.max(0, Math.floor(AGE_BINS * age)));
  }

  #classOf(row: Row): number {
    return row.isSpecial ? Math.floor(Math.log2(this.#thresholdMs(row))) : PLAIN_CLASS;
  }

  sweep(at: number, open: readonly Row[]): { action: string; marked: readonly Row[] } {
    const { stuckAfterMs, options } = this.#run;
    this.#judgedAt = at;
    const boundsUs = this.#boundsUs(at);
    const stale = open.filter((row) => this.#isStale(row, at));
    const lateUs = heardBeforeUs(boundsUs, WATCHED_FROM_BIN);
    const latePlain = open.filter((row) => !row.isSpecial && row.lastUs < lateUs).length;
    if (latePlain === 0 && stale.length === 0 && this.#state === calm) return { action: 'sweep', marked: [] };
    const signs = {
      ...this.#count(open, at, boundsUs),
      stale: stale.length,
      cameBack: Math.max(0, this.#watched.rows - open.filter((row) => this.#isStillSilent(row)).length),
    };
    const moment = { nowUs: usOf(at), stuckAfterMs, force: false };
    const { action, state, released } = judgeStorm(signs, this.#state, options, moment);
    const allowed = Math.min(stale.length, staleAllowed(action, stale.length));
    this.#state = state;
    const { which, rows } = toWatch({ action, state }, { stale: stale.length, late: latePlain });
    this.#watched = { rows, beforeUs: which === 'late' ? lateUs : boundsUs[0]!, at };
    if (released) this.released.push(released);
    return { action, marked: stale.toSorted((a, b) => a.lastUs - b.lastUs).slice(0, allowed) };
  }

  #isStillSilent(row: Row): boolean {
    return row.isSpecial ? this.#isStale(row, this.#watched.at) : row.lastUs < this.#watched.beforeUs;
  }

  #count(open: readonly Row[], at: number, boundsUs: readonly number[]) {
    const expected = open.filter((row) => !row.isWaiting(at));
    const binned = expected.map((row) => ({ row, of: this.#classOf(row), bin: this.#binOf(row, at, boundsUs) }));
    const ages = [...new Set(binned.map(({ of }) => of))].map((of): ClassAges => {
      const rowsByAge = Array.from({ length: AGE_BINS + 1 }, () => 0);
      for (const each of binned) if (each.of === of) rowsByAge[each.bin]! += 1;
      return { class: of, rowsByAge };
    });
    const classes = silenceOf(ages);
    const hit = hitBy(classes, this.#run.options.ratio);
    const fromBins = new Map(hit.map(({ class: of, fromBin }) => [of, fromBin ?? Number.POSITIVE_INFINITY]));
    const silent = binned.filter(({ of, bin }) => bin >= (fromBins.get(of) ?? Number.POSITIVE_INFINITY));
    return {
      silent: sumOf(classes.map((each) => each.silent)),
      inFlight: expected.length,
      hit: { silent: sumOf(hit.map((each) => each.silent)), inFlight: sumOf(hit.map((each) => each.inFlight)) },
      late: binned.filter(({ bin }) => bin >= WATCHED_FROM_BIN).length,
      callees: new Set(silent.map(({ row }) => row.agent.callee)).size,
    };
  }
}
