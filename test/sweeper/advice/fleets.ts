import { Random } from '../../chaos/random.ts';
import type { Life } from './simulated-ledger.ts';

/** The library lets so much time pass between two stamps. */
const DEBOUNCE_S = 15;

export type GapOf = (random: Random) => number;

/** Standard normal, by Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** Seconds. */
export const logNormal =
  (median: number, sigma: number): GapOf =>
  (random) =>
    median * Math.exp(sigma * normal(random));

/** Mostly quick, and now and then a tool that takes minutes. */
export const toolCalls =
  (share: number): GapOf =>
  (random) =>
    random.chance(share) ? random.between(120, 480) : random.between(15, 25);

/** A heavy tail. */
export const pareto =
  (least: number, alpha: number): GapOf =>
  (random) =>
    least / (1 - random.next()) ** (1 / alpha);

export interface FleetShape {
  readonly calleeId: string;
  readonly lives: number;
  readonly gap: GapOf;
  /** Gaps of one life. */
  readonly gaps: number;
  /** Seconds over which they enter. */
  readonly over: number;
  readonly seed?: number;
}

/** Lives whose heartbeats come at these gaps, and not more often than the library writes them. */
export function fleet({ calleeId, lives, gap, gaps, over, seed = 1 }: FleetShape): Life[] {
  const random = new Random(seed);
  return Array.from({ length: lives }, (_, i) => {
    const entered = random.between(0, over);
    const stamps: number[] = [];
    for (let at = entered, n = 0; n < gaps; n += 1) {
      at += Math.max(DEBOUNCE_S, gap(random));
      stamps.push(at);
    }
    return { delegationId: `${calleeId}-${i}`, calleeId, entered, stamps: stamps.slice(0, -1), ended: stamps.at(-1)! };
  });
}
