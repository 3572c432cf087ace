import { Random } from '../../test/chaos/random.ts';
import type { Agent } from '../../test/sweeper/storm/simulated-fleet.ts';

/** Seconds from one sign of life to the next. */
export type GapOf = (random: Random) => number;

/** From one second to another nothing is heard. */
export interface Pause {
  readonly from: number;
  readonly until: number;
}

export interface Kind {
  readonly name: string;
  readonly gap: GapOf;
  /** One agent's own pauses: its garbage collector's, its deployment. */
  readonly pauses?: (random: Random, place: number) => readonly Pause[];
  /** What cuts off all agents, or their control plane. */
  readonly outages?: readonly Pause[];
  /** In an outage no daemon watches either, and none is swept. */
  readonly unobserved?: boolean;
}

export const RUN_SECONDS = 3 * 3600;
const DIES_FROM = 1800;
const DIES_UNTIL = RUN_SECONDS - 1800;
/** After an outage its agents are heard again one after the other. */
const BACK_OVER = 20;

/** Standard normal, by Box and Muller. */
const normal = (random: Random) => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
/** Half of the gaps are shorter than 20 s; two of 10,000 longer than two minutes, six of a million longer than three. */
const logNormal: GapOf = (random) => 20 * Math.exp(0.5 * normal(random));
/** A heartbeat every 20 s or so; before one of twenty a tool runs for two to eight minutes, and nothing is heard. */
const bimodal: GapOf = (random) => (random.chance(0.05) ? random.between(120, 480) : random.between(15, 25));

/** A collection that stops the process, every twenty minutes. */
function collections(random: Random): Pause[] {
  const pauses: Pause[] = [];
  for (let at = random.between(0, 1200); at < RUN_SECONDS; at += random.between(600, 1800)) {
    pauses.push({ from: at, until: at + random.between(10, 90) });
  }
  return pauses;
}

/** A rolling deployment in the second hour, ten agents at a time: each is away for two to four minutes. */
function deployment(random: Random, place: number): Pause[] {
  const from = 3600 + Math.floor(place * 100) * 30;
  return [{ from, until: from + random.between(120, 240) }];
}

export const kinds: readonly Kind[] = [
  { name: 'log-normal', gap: logNormal },
  { name: 'bimodal', gap: bimodal },
  { name: 'collections', gap: logNormal, pauses: collections },
  { name: 'deployment', gap: logNormal, pauses: deployment },
  { name: 'network', gap: logNormal, outages: [{ from: 4000, until: 4120 }] },
  { name: 'control plane', gap: logNormal, outages: [{ from: 4000, until: 7600 }], unobserved: true },
];

/** Who died, and when. */
export interface FleetAgent extends Agent {
  readonly diedAt: number | null;
}

/** So many agents, each with a delegation that lasts for the whole run; of these so many die in it. */
export function fleetOf(kind: Kind, agents: number, deaths: number, seed: number): FleetAgent[] {
  const random = new Random(seed);
  return Array.from({ length: agents }, (_, i) => {
    const place = (i + 0.5) / agents;
    const diedAt = i % Math.floor(agents / deaths) === 0 ? random.between(DIES_FROM, DIES_UNTIL) : null;
    const pauses = kind.pauses?.(random, place) ?? [];
    const backAfter = random.between(0, BACK_OVER);
    const heard: number[] = [];
    let at = -random.between(0, 20);
    while (at < Math.min(RUN_SECONDS, diedAt ?? RUN_SECONDS)) {
      const pause = pauses.find(({ from, until }) => from <= at && at < until);
      const outage = kind.outages?.find(({ from, until }) => from <= at && at < until + backAfter);
      if (pause) at = pause.until;
      else if (outage) at = outage.until + backAfter;
      else {
        heard.push(at);
        at += kind.gap(random);
      }
    }
    return { callee: `agent-${i}`, heard, dead: diedAt !== null, diedAt };
  });
}
