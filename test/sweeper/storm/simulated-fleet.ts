import {
  AGE_BINS,
  ageBoundsUs,
  fellSilentTogether,
  heardBeforeUs,
  WATCHED_FROM_BIN,
} from '../../../src/sweeper/storm/ages.ts';
import {
  calm,
  judgeStorm,
  type StormOptions,
  type StormState,
  staleAllowed,
  toWatch,
} from '../../../src/sweeper/storm/storm-guard.ts';

const US = 1_000_000;
/** Any instant: the simulation's second 0. */
const EPOCH_US = 1_700_000_000 * US;

/** An agent with one delegation, by the seconds at which its heartbeats reach the database. */
export interface Agent {
  readonly callee: string;
  /** Ascending. */
  readonly heard: readonly number[];
  /** It never works again after its last heartbeat; a mark on one that does is false. */
  readonly dead: boolean;
}

export interface Outage {
  readonly from: number;
  readonly until: number;
  /** Seconds over which those that were cut off return. */
  readonly backOver: number;
}

export interface AgentShape {
  readonly callee: string;
  /** Its position among the agents of its kind, 0 to 1: heartbeats and returns are spread by it. */
  readonly place: number;
  readonly until: number;
  /** Seconds from one heartbeat to the next. */
  readonly gap: () => number;
  readonly outage?: Outage;
  readonly diesAt?: number;
}

/** One agent's heartbeats: at its gaps, none while it is cut off, and none after its death. */
export function agent({ callee, place, until, gap, outage, diesAt = Number.POSITIVE_INFINITY }: AgentShape): Agent {
  const heard: number[] = [];
  const backAt = outage ? outage.until + place * outage.backOver : 0;
  // Scattered, so that the order of returns is not the order of heartbeats.
  let at = -gap() * ((place * 7.13) % 1);
  while (at < Math.min(until, diesAt)) {
    if (outage && at >= outage.from && at < backAt) {
      at = backAt;
      continue;
    }
    heard.push(at);
    at += gap();
  }
  return { callee, heard, dead: Number.isFinite(diesAt) };
}

export interface Run {
  readonly agents: readonly Agent[];
  readonly options: StormOptions;
  readonly stuckAfterMs: number;
  /** Second of the first sweep, and seconds from one to the next. */
  readonly phase: number;
  readonly everySeconds?: number;
  /**
   * Sweeps beside the ticks, at whole seconds. `due`: as the daemon has them, when a row has come due since the last
   * sweep and the guard holds nothing. `each second`: whatever the guard does, which is more than the daemon has.
   */
  readonly between?: 'due' | 'each second';
  readonly until: number;
  /** No beat reaches the database, and no sweep runs. */
  readonly unobserved?: { readonly from: number; readonly until: number };
}

export interface Outcome {
  /** Living agents that were marked. */
  readonly falseMarks: number;
  /** Seconds from the last heartbeat of each dead one to its mark; null: never. */
  readonly foundAfter: readonly (number | null)[];
  readonly released: readonly string[];
  /** What each sweep did. */
  readonly sweeps: readonly { readonly action: string; readonly marked: number }[];
}

class Row {
  readonly agent: Agent;
  lastUs = Number.NEGATIVE_INFINITY;
  #next = 0;

  constructor(of: Agent) {
    this.agent = of;
  }

  hear(untilSecond: number): void {
    const { heard } = this.agent;
    while (this.#next < heard.length && heard[this.#next]! <= untilSecond) {
      this.lastUs = EPOCH_US + Math.round(heard[this.#next]! * US);
      this.#next += 1;
    }
  }
}

/** Sweeps a simulated fleet with the product's own pure functions (horizon, ages, verdict), without waiting. */
export function simulate(run: Run): Outcome {
  const { agents, phase, everySeconds = 60, between, until, unobserved } = run;
  const guard = new SimulatedGuard(run);
  const marks = new Map<Agent, number>();
  let open = agents.map((of) => new Row(of));
  const sweeps: Outcome['sweeps'][number][] = [];
  for (let at = phase; at < until; at += between ? 1 : everySeconds) {
    for (const row of open) row.hear(at);
    if (unobserved && at >= unobserved.from && at < unobserved.until) continue;
    const isTick = (at - phase) % everySeconds === 0;
    if (!isTick && between === 'due' && !guard.hasDue(at, open)) continue;
    const { action, marked } = guard.sweep(at, open);
    for (const row of marked) marks.set(row.agent, at);
    if (marked.length > 0) open = open.filter((row) => !marks.has(row.agent));
    sweeps.push({ action, marked: marked.length });
  }
  const found = (of: Agent) => (marks.has(of) ? marks.get(of)! - of.heard.at(-1)! : null);
  return {
    falseMarks: [...marks.keys()].filter(({ dead }) => !dead).length,
    foundAfter: agents.filter(({ dead }) => dead).map(found),
    released: guard.released,
    sweeps,
  };
}

/** The storm guard with its memory in a variable and counts made in code. */
class SimulatedGuard {
  readonly released: string[] = [];
  readonly #run: Run;
  #state: StormState = calm;
  #watched = { rows: 0, beforeUs: 0 };
  #horizonUs = Number.NEGATIVE_INFINITY;

  constructor(run: Run) {
    this.#run = run;
  }

  /** Whether the daemon would have a sweep now, between its ticks. */
  hasDue(at: number, open: readonly Row[]): boolean {
    if (this.#state.heldSinceUs !== null) return false;
    const horizonUs = this.#boundsUs(at)[0]!;
    return open.some(({ lastUs }) => lastUs >= this.#horizonUs && lastUs < horizonUs);
  }

  #boundsUs(at: number): number[] {
    const { stuckAfterMs, unobserved } = this.#run;
    const nowUs = EPOCH_US + Math.round(at * US);
    const gap = unobserved && {
      startUs: EPOCH_US + unobserved.from * US,
      endUs: EPOCH_US + unobserved.until * US,
    };
    return ageBoundsUs({ nowUs, gaps: gap && nowUs >= gap.endUs ? [gap] : [] }, stuckAfterMs);
  }

  sweep(at: number, open: readonly Row[]): { action: string; marked: readonly Row[] } {
    const { stuckAfterMs, options } = this.#run;
    const nowUs = EPOCH_US + Math.round(at * US);
    const boundsUs = this.#boundsUs(at);
    this.#horizonUs = boundsUs[0]!;
    const stale = open.filter(({ lastUs }) => lastUs < boundsUs[0]!);
    const lateUs = heardBeforeUs(boundsUs, WATCHED_FROM_BIN);
    const late = open.filter(({ lastUs }) => lastUs < lateUs).length;
    if (late === 0 && this.#state === calm) return { action: 'sweep', marked: [] };
    const signs = {
      ...silenceOf(open, boundsUs),
      stale: stale.length,
      late,
      inFlight: open.length,
      cameBack: Math.max(0, this.#watched.rows - open.filter(({ lastUs }) => lastUs < this.#watched.beforeUs).length),
    };
    const { action, state, released } = judgeStorm(signs, this.#state, options, { nowUs, stuckAfterMs, force: false });
    const allowed = Math.min(stale.length, staleAllowed(action, stale.length));
    this.#state = state;
    const { which, rows } = toWatch({ action, state }, signs);
    this.#watched = { rows, beforeUs: which === 'late' ? lateUs : boundsUs[0]! };
    if (released) this.released.push(released);
    return { action, marked: stale.toSorted((a, b) => a.lastUs - b.lastUs).slice(0, allowed) };
  }
}

function silenceOf(open: readonly Row[], boundsUs: readonly number[]): { silent: number; callees: number } {
  const bins = open.map(({ lastUs }) => {
    const bound = boundsUs.findLastIndex((boundUs) => boundUs <= lastUs);
    return AGE_BINS - 1 - bound;
  });
  const rowsByAge = Array.from({ length: AGE_BINS + 1 }, () => 0);
  for (const bin of bins) rowsByAge[bin]! += 1;
  const { silent, fromBin } = fellSilentTogether(rowsByAge);
  const late = open.filter((_, i) => fromBin !== null && bins[i]! >= fromBin);
  return { silent, callees: new Set(late.map((row) => row.agent.callee)).size };
}
