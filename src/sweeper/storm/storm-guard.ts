import { MICROS_PER_MS, type Micros } from '../instant.ts';

/** When so many go silent at once that the likely cause is ours: the network, a rollout, the control plane. */
export interface StormOptions {
  /** Fewer stale rows than this are never a storm. */
  readonly minStale: number;
  /** Share of all in progress, 0 to 1, from which on it is one. 0 turns the guard off. */
  readonly ratio: number;
  /** Longest hold; after it the guard lets go, one batch a sweep. */
  readonly maxHoldMs: number;
}

/** What a sweep counted. `inFlight` is counted no further than needed: it may be less than the truth when no storm is. */
export interface StormSigns {
  readonly stale: number;
  readonly callees: number;
  readonly inFlight: number;
}

/** Kept in the database between sweeps, shared by the replicas. Both null: no storm. */
export interface StormState {
  readonly heldSinceUs: Micros | null;
  /** Since when the guard has let go of a storm that is not over. */
  readonly releasedAtUs: Micros | null;
}

export const calm: StormState = { heldSinceUs: null, releasedAtUs: null };

export interface StormVerdict {
  /** `sweep`: no storm, or forced. `hold`: mark nothing stale. `trickle`: let go, at one batch a sweep. */
  readonly action: 'sweep' | 'hold' | 'trickle';
  readonly state: StormState;
}

/** Silent callees that make a storm: one dead agent with many delegations is none. */
const CALLEES_MIN = 2;

/** Whether the counts have the look of a storm. */
export function looksLikeStorm({ stale, callees, inFlight }: StormSigns, { minStale, ratio }: StormOptions): boolean {
  return ratio > 0 && stale > 0 && stale >= minStale && callees >= CALLEES_MIN && stale >= ratio * inFlight;
}

/** How far the fleet has to be counted to judge this many stale rows. */
export function inFlightCountMax(stale: number, ratio: number): number {
  return Math.floor(stale / ratio) + 1;
}

export function judgeStorm(
  storm: boolean,
  state: StormState,
  { maxHoldMs }: StormOptions,
  nowUs: Micros,
  force: boolean,
): StormVerdict {
  if (!storm) return { action: 'sweep', state: calm };
  // Forced for this one sweep: the hold itself stands as it was.
  if (force) return { action: 'sweep', state };
  // Let go once, it stays let go until the storm is over.
  if (state.releasedAtUs !== null) return { action: 'trickle', state };
  const heldSinceUs = state.heldSinceUs ?? nowUs;
  if (nowUs - heldSinceUs >= maxHoldMs * MICROS_PER_MS) {
    return { action: 'trickle', state: { heldSinceUs, releasedAtUs: nowUs } };
  }
  return { action: 'hold', state: { heldSinceUs, releasedAtUs: null } };
}
