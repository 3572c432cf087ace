import { type Gap, observedUsSince } from '../horizon.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';

/** When silence counts as a storm: so much at once that the cause is likely the network, a rollout or the database. */
export interface StormOptions {
  /** Fewer rows that fell silent together than this are never a storm. */
  readonly minStale: number;
  /** Share of all in progress, 0 to 1, at and above which it is one. 0 turns the guard off. */
  readonly ratio: number;
  /** Longest hold, in observed time; after it each sweep marks a share of the stale. */
  readonly maxHoldMs: number;
  /** With fewer silent callees there is no storm. Default 2, since one agent with many delegations may die. */
  readonly minCallees?: number;
}

/** What a sweep counted. */
export interface StormSigns {
  /** Rows past the horizon that the sweep could mark. */
  readonly stale: number;
  /** Rows past seven tenths of it, the stale ones among them. */
  readonly late: number;
  /** Rows that fell silent together, stale or on their way there. */
  readonly silent: number;
  /** Callees of these. */
  readonly callees: number;
  readonly inFlight: number;
  /**
   * The same two in those classes of thresholds of which so large a share fell silent that it is a storm's. An outage shows
   * first where thresholds are short: there all are silent while none of the others is late. Absent: all rows are of one class.
   */
  readonly hit?: { readonly silent: number; readonly inFlight: number };
  /** Of the rows that the sweep before left silent (`toWatch`), those that are not silent any more. */
  readonly cameBack: number;
}

/** Why the guard released a storm that was not over. */
export const releaseReasons = ['calm', 'max_hold'] as const;

/** Kept in the database between sweeps, shared by the replicas. */
export interface StormState {
  /** Since when there are signs of a storm; null: none, and the other fields mean nothing. */
  readonly formingSinceUs: Micros | null;
  /** Since when it keeps stale rows from being marked; null while none is stale yet. */
  readonly heldSinceUs: Micros | null;
  /** Since when a storm that is not over has been released, and why. */
  readonly releasedAtUs: Micros | null;
  readonly releasedWhy: (typeof releaseReasons)[number] | null;
  /** Since when a part of the fleet has been heard all the time. */
  readonly partialSinceUs: Micros | null;
  /** Rows that came back since the first signs, and when some last did. */
  readonly cameBack: number;
  readonly cameBackAtUs: Micros | null;
}

export const calm: StormState = {
  formingSinceUs: null,
  heldSinceUs: null,
  releasedAtUs: null,
  releasedWhy: null,
  partialSinceUs: null,
  cameBack: 0,
  cameBackAtUs: null,
};

export interface StormMoment {
  readonly nowUs: Micros;
  readonly stuckAfterMs: number;
  /** Unobserved time, which does not count towards a hold: no agent could be heard in it. Default none. */
  readonly gaps?: readonly Gap[];
  /** Overrides a hold for this one sweep. */
  readonly force: boolean;
}

export interface StormVerdict {
  /** `sweep`: mark what is stale. `hold`: mark none of it. `trickle`: released, mark a share of it per sweep. */
  readonly action: 'sweep' | 'hold' | 'trickle';
  readonly state: StormState;
  /** Why a hold ends with this sweep, or is overridden by it. */
  readonly released: 'calm' | 'max_hold' | 'forced' | null;
}

export const CALLEES_MIN = 2;

/** From this share of silent rows on, the whole fleet counts as silent: it cannot be distinguished from an outage. */
const WHOLE_FLEET_SHARE = 0.9;

/**
 * Longest hold when a part of the fleet has been heard all the time: eight sweeps of a minute each, less their jitter,
 * so that the last of the dead is found within STUCK_AFTER and ten minutes.
 */
const PARTIAL_HOLD_MAX_MS = 450_000;

/** The share of the silent that must be heard again before it counts: a few agents are merely slow. */
const CAME_BACK_SHARE = 0.05;

/** The share of the stale that one sweep marks when STORM_MAX_HOLD has passed. */
const TRICKLE_SHARE = 0.05;

/** Whether so many fell silent together that it is a storm. */
export function looksLikeStorm(
  signs: Pick<StormSigns, 'silent' | 'callees' | 'inFlight' | 'hit'>,
  { minStale, ratio, minCallees = CALLEES_MIN }: StormOptions,
): boolean {
  const { silent, inFlight } = signs.hit ?? signs;
  const { callees } = signs;
  return ratio > 0 && silent > 0 && silent >= minStale && callees >= minCallees && silent >= ratio * inFlight;
}

/** How many of the stale rows this verdict lets a sweep mark. */
export function staleAllowed(action: StormVerdict['action'], stale: number): number {
  if (action === 'sweep') return Number.POSITIVE_INFINITY;
  return action === 'hold' ? 0 : Math.max(1, Math.ceil(stale * TRICKLE_SHARE));
}

/** Which silent rows the next sweep checks: the late ones while none is stale, then the stale ones that are left. */
export function toWatch(
  { action, state }: Pick<StormVerdict, 'action' | 'state'>,
  { stale, late }: Pick<StormSigns, 'stale' | 'late'>,
): { readonly which: 'late' | 'stale'; readonly rows: number } {
  if (state.heldSinceUs === null) return { which: 'late', rows: state.formingSinceUs === null ? 0 : late };
  return { which: 'stale', rows: Math.max(0, stale - staleAllowed(action, stale)) };
}

/** The input of a storm's verdict. */
interface Case {
  readonly signs: StormSigns;
  /** With this sweep's signs. */
  readonly state: StormState;
  readonly options: StormOptions;
  readonly moment: StormMoment;
  readonly storm: boolean;
  /** Too few are silent to be a storm. */
  readonly few: boolean;
  /** Some were heard again, the last of them less than one STUCK_AFTER ago: others may follow. */
  readonly cameBack: boolean;
  readonly coming: boolean;
}

export function judgeStorm(
  signs: StormSigns,
  before: StormState,
  options: StormOptions,
  moment: StormMoment,
): StormVerdict {
  const { nowUs, stuckAfterMs, gaps = [], force } = moment;
  const storm = looksLikeStorm(signs, options);
  const known = before.heldSinceUs !== null || before.formingSinceUs !== null;
  if (options.ratio === 0 || (!known && !storm)) return letGo(null);
  const state = remember(signs, before, nowUs);
  const cameBack = state.cameBack > 0 && state.cameBack >= CAME_BACK_SHARE * (signs.late + state.cameBack);
  const coming = cameBack && observedUsSince(state.cameBackAtUs ?? nowUs, nowUs, gaps) < stuckAfterMs * MICROS_PER_MS;
  if (before.heldSinceUs === null && (force || !(storm || coming))) return letGo(null);
  // None is stale yet: nothing to hold.
  if (state.heldSinceUs === null) return { action: 'sweep', state, released: null };
  const few = (signs.hit ?? signs).silent < Math.max(1, options.minStale);
  const found: Case = { signs, state, options, moment, storm, few, cameBack, coming };
  return state.releasedAtUs === null ? judgeHeld(found, state.heldSinceUs) : judgeReleased(found);
}

function judgeHeld(found: Case, heldSinceUs: Micros): StormVerdict {
  const { signs, state, options, storm, few, cameBack, coming } = found;
  const { nowUs, stuckAfterMs, gaps = [], force } = found.moment;
  const nothingLeft = signs.stale === 0 && !storm;
  if (nothingLeft || (few && !coming)) return letGo('calm');
  if (force) return { action: 'sweep', state, released: 'forced' };
  const release = (why: 'calm' | 'max_hold'): StormState => ({ ...state, releasedAtUs: nowUs, releasedWhy: why });
  const lasted = (sinceUs: Micros, ms: number) => observedUsSince(sinceUs, nowUs, gaps) >= ms * MICROS_PER_MS;
  if (lasted(heldSinceUs, options.maxHoldMs)) {
    return { action: 'trickle', state: release('max_hold'), released: 'max_hold' };
  }
  const { partialSinceUs } = state;
  const isPart =
    partialSinceUs !== null &&
    lasted(Math.max(partialSinceUs, heldSinceUs), Math.min(stuckAfterMs, PARTIAL_HOLD_MAX_MS));
  if (cameBack ? !coming : isPart) return { action: 'sweep', state: release('calm'), released: 'calm' };
  return { action: 'hold', state, released: null };
}

/** Once released, it stays so until the storm is over: under half the ratio, or fewer than the minimum, and none heard again. */
function judgeReleased({ signs, state, options, moment, few, coming }: Case): StormVerdict {
  const { silent, inFlight } = signs.hit ?? signs;
  const over = few || silent < (options.ratio / 2) * inFlight;
  if (signs.stale === 0 || (over && !coming)) return letGo(null);
  const everything = moment.force || state.releasedWhy === 'calm';
  return { action: everything ? 'sweep' : 'trickle', state, released: null };
}

/** What is kept of this sweep's signs while the storm lasts. */
function remember(signs: StormSigns, before: StormState, nowUs: Micros): StormState {
  const partial = signs.silent < WHOLE_FLEET_SHARE * signs.inFlight;
  return {
    ...before,
    formingSinceUs: before.formingSinceUs ?? nowUs,
    heldSinceUs: before.heldSinceUs ?? (signs.stale > 0 ? nowUs : null),
    partialSinceUs: partial ? (before.partialSinceUs ?? nowUs) : null,
    cameBack: before.cameBack + signs.cameBack,
    cameBackAtUs: signs.cameBack > 0 ? nowUs : before.cameBackAtUs,
  };
}

function letGo(released: StormVerdict['released']): StormVerdict {
  return { action: 'sweep', state: calm, released };
}
