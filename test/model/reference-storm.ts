import type { Id, Tick } from './operation.ts';

/** What the storm guard promises, written again: whole rows, ticks, and no SQL. */
export interface Storm {
  /** Null: signs of a storm, but nothing stale yet. */
  readonly heldSince: Tick | null;
  readonly released: 'calm' | 'max_hold' | null;
  readonly partialSince: Tick | null;
  readonly cameBack: number;
  readonly cameBackAt: Tick | null;
  /** Rows that were left silent, with the instant at which each was last heard. */
  readonly watched: readonly { readonly id: Id; readonly heardAt: Tick }[];
}

export interface Silent {
  readonly id: Id;
  readonly callee: string;
  readonly heardAt: Tick;
  /** Observed ticks. */
  readonly age: Tick;
}

export interface StormBounds {
  readonly minStale: number;
  readonly ratio: number;
  readonly stuckAfterTicks: Tick;
  readonly maxHoldTicks: Tick;
}

export interface StormPlan {
  /** Rows that may be marked. */
  readonly allowed: number;
  readonly held: boolean;
  readonly storm: Storm | null;
}

/** The late callees and rows, when younger ages are empty. */
function lateTogether(open: readonly Silent[], threshold: Tick): { rows: number; callees: number } {
  const at = (bin: number) => open.filter(({ age }) => Math.min(20, Math.floor((age / threshold) * 20)) === bin);
  let rows = 0;
  let first: number | null = null;
  for (let bin = 3; bin <= 20; bin += 1) {
    const usual: number[] = [];
    for (let last = 0; last < bin; last += 1) {
      for (let from = last; from >= Math.max(0, last - 4); from -= 1) {
        const counted = open.filter(({ age }) => {
          const of = Math.min(20, Math.floor((age / threshold) * 20));
          return of >= from && of <= last;
        }).length;
        usual.push(Math.floor((counted + 2 * Math.sqrt(counted) + 2) / (last - from + 1)));
      }
    }
    const most = Math.min(...usual);
    rows += Math.max(0, at(bin).length - most);
    if (first === null && at(bin).length > most && at(bin).length > 2 * most) first = bin;
  }
  const late = first === null ? [] : open.filter(({ age }) => Math.floor((age / threshold) * 20) >= first);
  return { rows, callees: new Set(late.map(({ callee }) => callee)).size };
}

/** `open`: in progress and not overdue; `back`: watched rows that were heard again. */
export function stormPlan(
  before: Storm | null,
  open: readonly Silent[],
  back: number,
  now: Tick,
  /** Observed ticks since then. */
  observedSince: (since: Tick) => Tick,
  { minStale, ratio, stuckAfterTicks, maxHoldTicks }: StormBounds,
  force: boolean,
): StormPlan {
  const stale = open.filter(({ age }) => age > stuckAfterTicks);
  const everything = { allowed: Number.POSITIVE_INFINITY, held: false };
  // Seven tenths of the threshold.
  const slow = open.filter(({ age }) => age > 0.7 * stuckAfterTicks);
  if (ratio === 0 || (before === null && slow.length === 0)) return { ...everything, storm: null };
  const late = lateTogether(open, stuckAfterTicks);
  const isStorm = late.rows >= Math.max(1, minStale) && late.callees >= 2 && late.rows >= ratio * open.length;
  if (before === null && (!isStorm || force)) return { ...everything, storm: null };
  const cameBack = (before?.cameBack ?? 0) + back;
  const cameBackAt = back > 0 ? now : (before?.cameBackAt ?? null);
  const storm: Storm = {
    heldSince: before?.heldSince ?? (stale.length > 0 ? now : null),
    released: before?.released ?? null,
    partialSince: late.rows < 0.9 * open.length ? (before?.partialSince ?? now) : null,
    cameBack,
    cameBackAt,
    watched: [],
  };
  const many = cameBack > 0 && cameBack >= 0.05 * (slow.length + cameBack);
  const coming = many && observedSince(cameBackAt!) < stuckAfterTicks;
  if ((before?.heldSince ?? null) === null && (force || !(isStorm || coming))) return { ...everything, storm: null };
  const { heldSince } = storm;
  if (heldSince === null) return { ...everything, storm: { ...storm, watched: slow } };
  const few = late.rows < Math.max(1, minStale);
  const left = (marked: number) => stale.toSorted((a, b) => a.heardAt - b.heardAt).slice(marked);
  const trickle = (): StormPlan => {
    const allowed = Math.max(1, Math.ceil(stale.length / 20));
    return { allowed, held: false, storm: { ...storm, released: 'max_hold', watched: left(allowed) } };
  };
  if (storm.released !== null) {
    const over = stale.length === 0 || few || late.rows < (ratio / 2) * open.length;
    if (over && (!coming || stale.length === 0)) return { ...everything, storm: null };
    return force || storm.released === 'calm' ? { ...everything, storm } : trickle();
  }
  if ((stale.length === 0 && !isStorm) || (few && !coming)) return { ...everything, storm: null };
  if (force) return { ...everything, storm };
  if (observedSince(heldSince) > maxHoldTicks) return trickle();
  // Seven and a half minutes are less than a tick.
  const partial = storm.partialSince !== null && observedSince(Math.max(storm.partialSince, heldSince)) > 0;
  if (many ? !coming : partial) return { ...everything, storm: { ...storm, released: 'calm' } };
  return { allowed: 0, held: true, storm: { ...storm, watched: left(0) } };
}
