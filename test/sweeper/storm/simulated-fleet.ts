import { AGE_BINS, ageBoundsUs, fellSilentTogether } from '../../../src/sweeper/storm/ages.ts';
import { calm, judgeStorm, type StormOptions, staleAllowed } from '../../../src/sweeper/storm/storm-guard.ts';

const US = 1_000_000;
/** Any instant: the simulation's second 0. */
const EPOCH_US = 1_700_000_000 * US;

/** An agent with one delegation, by the seconds at which its heartbeats reach the database. */
export interface Agent {
  readonly callee: string;
  /** Ascending. */
  readonly heard: readonly number[];
  /** Whether it ever works again after its last heartbeat; a mark on one that does is a false one. */
  readonly dead: boolean;
}

export interface Outage {
  readonly from: number;
  readonly until: number;
  /** Seconds over which those that were cut off come back. */
  readonly backOver: number;
}

export interface AgentShape {
  readonly callee: string;
  /** Its place among its like, 0 to 1: heartbeats, and returns, are spread by it. */
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
  const back = outage ? outage.until + place * outage.backOver : 0;
  // Scattered, so that who comes back early has not the same phase.
  let at = -gap() * ((place * 7.13) % 1);
  while (at < Math.min(until, diesAt)) {
    if (outage && at >= outage.from && at < back) {
      at = back;
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
  readonly until: number;
}

export interface Outcome {
  /** Living agents that were marked. */
  readonly falseMarks: number;
  /** Seconds from the last heartbeat of each dead one to its mark; null: never. */
  readonly foundAfter: readonly (number | null)[];
  readonly released: readonly string[];
  /** Rows marked by each sweep. */
  readonly marks: readonly number[];
}

/** Sweeps a simulated fleet by the product's own pure functions: the horizon, the ages, the verdict. Nothing sleeps. */
export function simulate({ agents, options, stuckAfterMs, phase, everySeconds = 60, until }: Run): Outcome {
  const rows = agents.map((who) => ({
    who,
    next: 0,
    lastUs: Number.NEGATIVE_INFINITY,
    markedAt: null as number | null,
  }));
  const released: string[] = [];
  const marks: number[] = [];
  let state = calm;
  let watch = { beforeUs: 0, rows: 0 };
  for (let at = phase; at < until; at += everySeconds) {
    const nowUs = EPOCH_US + Math.round(at * US);
    const boundsUs = ageBoundsUs({ nowUs, beatAtUs: nowUs, gaps: [] }, stuckAfterMs);
    const open = rows.filter(({ markedAt }) => markedAt === null);
    const rowsByAge = new Array<number>(AGE_BINS + 1).fill(0);
    for (const row of open) {
      while (row.next < row.who.heard.length && row.who.heard[row.next]! <= at) {
        row.lastUs = EPOCH_US + Math.round(row.who.heard[row.next]! * US);
        row.next += 1;
      }
    }
    const binOf = (lastUs: number) => AGE_BINS - boundsUs.filter((boundUs) => boundUs <= lastUs).length;
    for (const { lastUs } of open) rowsByAge[AGE_BINS - (AGE_BINS - binOf(lastUs))]! += 1;
    const stale = open.filter(({ lastUs }) => lastUs < boundsUs[0]!);
    if (stale.length === 0 && state.heldSinceUs === null) {
      marks.push(0);
      continue;
    }
    const { silent, fromBin } = fellSilentTogether(rowsByAge);
    const late = open.filter(({ lastUs }) => fromBin !== null && binOf(lastUs) >= fromBin);
    const stillSilent = open.filter(({ lastUs }) => lastUs < watch.beforeUs).length;
    const signs = {
      stale: stale.length,
      silent,
      callees: new Set(late.map(({ who }) => who.callee)).size,
      inFlight: open.length,
      cameBack: Math.max(0, watch.rows - stillSilent),
    };
    const verdict = judgeStorm(signs, state, options, { nowUs, stuckAfterMs, force: false });
    const allowed = Math.min(stale.length, staleAllowed(verdict.action, stale.length));
    state = verdict.state;
    watch = { beforeUs: boundsUs[0]!, rows: stale.length - allowed };
    if (verdict.released) released.push(verdict.released);
    for (const row of stale.toSorted((a, b) => a.lastUs - b.lastUs).slice(0, allowed)) row.markedAt = at;
    marks.push(allowed);
  }
  const dead = rows.filter(({ who }) => who.dead);
  return {
    falseMarks: rows.filter(({ who, markedAt }) => !who.dead && markedAt !== null).length,
    foundAfter: dead.map(({ who, markedAt }) => (markedAt === null ? null : markedAt - who.heard.at(-1)!)),
    released,
    marks,
  };
}
