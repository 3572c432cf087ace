import type { Load, Timed } from './load.ts';

/** One of several programs that do the same work in turn. */
export interface Contestant {
  readonly name: string;
  /** Brings the data to the state at which every turn starts. Not timed. */
  readonly prepare: () => Promise<void>;
  readonly run: () => Promise<unknown>;
  /** Throws when the work was not done. Not timed. */
  readonly verify?: () => Promise<void>;
  /** Units of work per turn. */
  readonly units: number;
}

/** Rates in units a second, one per round, in the order of the rounds. */
export interface Rates {
  readonly perSecond: number[];
  readonly clientCpuUs: number[];
  readonly serverCpuUs: number[];
  readonly foreign: number[];
}

/** A turn in which other processes used more of the machine than this is repeated once. */
export const FOREIGN_MAX = 0.15;

/**
 * In each round every program has its turn, so that slow periods of the machine affect all of them. The order changes
 * from round to round.
 */
export async function takeTurns(
  load: Load,
  rounds: number,
  contestants: readonly Contestant[],
): Promise<Map<string, Rates>> {
  const rates = new Map(contestants.map(({ name }) => [name, emptyRates()]));
  for (let round = 0; round < rounds; round += 1) {
    for (let i = 0; i < contestants.length; i += 1) {
      const contestant = contestants[(i + round) % contestants.length]!;
      let timed = await turn(load, contestant);
      if (timed.foreign > FOREIGN_MAX) timed = better(timed, await turn(load, contestant));
      note(rates.get(contestant.name)!, timed, contestant.units);
    }
  }
  return rates;
}

async function turn(load: Load, { prepare, run, verify }: Contestant): Promise<Timed> {
  await prepare();
  const timed = await load.time(run);
  await verify?.();
  return timed;
}

function better(a: Timed, b: Timed): Timed {
  return b.foreign < a.foreign ? b : a;
}

function emptyRates(): Rates {
  return { perSecond: [], clientCpuUs: [], serverCpuUs: [], foreign: [] };
}

function note(rates: Rates, { ms, clientCpuMs, serverCpuMs, foreign }: Timed, units: number): void {
  rates.perSecond.push((units / ms) * 1000);
  rates.clientCpuUs.push((clientCpuMs / units) * 1000);
  rates.serverCpuUs.push((serverCpuMs / units) * 1000);
  rates.foreign.push(foreign);
}

/** How many times as fast as the other, per round. */
export function ratios(rates: Map<string, Rates>, name: string, other: string): number[] {
  const others = rates.get(other)!.perSecond;
  return rates.get(name)!.perSecond.map((rate, round) => rate / others[round]!);
}
