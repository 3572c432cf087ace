import type { StormOptions } from '../../../src/sweeper/storm/storm-guard.ts';
import { Row, SimulatedGuard } from './simulated-guard.ts';

/** An agent with one delegation, by the seconds at which its heartbeats reach the database. */
export interface Agent {
  readonly callee: string;
  /** Ascending. */
  readonly heard: readonly number[];
  /** It never works again after its last heartbeat; a mark on one that does is false. */
  readonly dead: boolean;
  /** A threshold of its own, in milliseconds. */
  readonly ownMs?: number;
  readonly wait?: Wait;
}

/** From one second to another the agent waits and is silent. */
export interface Wait {
  readonly from: number;
  readonly until: number;
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
  readonly ownMs?: number;
  readonly wait?: Wait;
}

/** One agent's heartbeats: at its gaps, none while it is cut off, and none after its death. */
export function agent(shape: AgentShape): Agent {
  const { callee, place, until, gap, outage, wait, ownMs, diesAt = Number.POSITIVE_INFINITY } = shape;
  const heard: number[] = [];
  const backAt = outage ? outage.until + place * outage.backOver : 0;
  // Scattered, so that the order of returns is not the order of heartbeats.
  let at = -gap() * ((place * 7.13) % 1);
  while (at < Math.min(until, diesAt)) {
    if (outage && at >= outage.from && at < backAt) {
      at = backAt;
      continue;
    }
    if (wait && at >= wait.from && at < wait.until) {
      at = wait.until;
      continue;
    }
    heard.push(at);
    at += gap();
  }
  const special = { ...(ownMs !== undefined && { ownMs }), ...(wait && { wait }) };
  return { callee, heard, dead: Number.isFinite(diesAt), ...special };
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
  /** No beat reaches the database, and no sweep runs. `isSilence`: it counts as such, as without observed time. */
  readonly unobserved?: { readonly from: number; readonly until: number; readonly isSilence?: boolean };
}

export interface Outcome {
  /** Living agents that were marked. */
  readonly falseMarks: number;
  /** Seconds from the last heartbeat of each dead one to its mark; null: never. */
  readonly foundAfter: readonly (number | null)[];
  /** The second at which each was marked that was. */
  readonly marks: ReadonlyMap<Agent, number>;
  readonly released: readonly string[];
  /** What each sweep did. */
  readonly sweeps: readonly { readonly action: string; readonly marked: number }[];
}

/** Sweeps a simulated fleet with the product's own pure functions (horizon, ages, verdict), without waiting. */
export function simulate(run: Run): Outcome {
  const { agents, phase, everySeconds = 60, between, until, unobserved } = run;
  const guard = new SimulatedGuard(run);
  const marks = new Map<Agent, number>();
  let open = agents.map((of) => new Row(of));
  const sweeps: Outcome['sweeps'][number][] = [];
  for (let at = phase; at < until; at += between ? 1 : everySeconds) {
    for (const row of open) if (row.nextAt <= at) row.hear(at);
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
    marks,
    released: guard.released,
    sweeps,
  };
}
