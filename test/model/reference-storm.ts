import type { Id, Tick } from './operation.ts';

/** What the storm guard promises, written again: whole rows, ticks, and no SQL. */
export interface Storm {
  /** Null: signs of a storm, but nothing stale yet. */
  readonly heldSince: Tick | null;
  readonly released: 'calm' | 'max_hold' | null;
  readonly partialSince: Tick | null;
  readonly cameBack: number;
  readonly cameBackAt: Tick | null;
  /** Rows that were left silent, and those that the sweep then marks, with the instant at which each was last heard. */
  readonly watched: readonly { readonly id: Id; readonly heardAt: Tick }[];
}

export interface Silent {
  readonly id: Id;
  readonly callee: string;
  readonly heardAt: Tick;
  /** Observed ticks. */
  readonly age: Tick;
  /** The silence that is allowed to it, and whether that is its own and not the daemons'. */
  readonly allowed: Tick;
  readonly isOwn: boolean;
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

/** Its age in twentieths of what is allowed to it; 20: longer. */
const binOf = ({ age, allowed }: Silent) => Math.min(20, Math.floor((age / allowed) * 20));

/** What fell silent together, how many there are of the kind, and whose they are. */
interface Late {
  readonly rows: number;
  readonly all: number;
  readonly callees: readonly string[];
}

/** The late callees and rows, when younger ages are empty: of rows whose thresholds are much the same. */
function lateTogether(open: readonly Silent[]): Late {
  const at = (bin: number) => open.filter((row) => binOf(row) === bin);
  let rows = 0;
  let first: number | null = null;
  for (let bin = 3; bin <= 20; bin += 1) {
    const usual: number[] = [];
    for (let last = 0; last < bin; last += 1) {
      for (let from = last; from >= Math.max(0, last - 4); from -= 1) {
        const counted = open.filter((row) => binOf(row) >= from && binOf(row) <= last).length;
        usual.push(Math.floor((counted + 2 * Math.sqrt(counted) + 2) / (last - from + 1)));
      }
    }
    const most = Math.min(...usual);
    rows += Math.max(0, at(bin).length - most);
    if (first === null && at(bin).length > most && at(bin).length > 2 * most) first = bin;
  }
  const late = first === null ? [] : open.filter((row) => binOf(row) >= first);
  return { rows, all: open.length, callees: late.map(({ callee }) => callee) };
}

/** Those without a threshold of their own are of one kind; of the others those whose thresholds lie between the same powers of two. */
function kindsOf(open: readonly Silent[]): Late[] {
  const kinds = Map.groupBy(open, ({ isOwn, allowed }) => (isOwn ? Math.floor(Math.log2(allowed)) : null));
  return [...kinds.values()].map(lateTogether);
}

function together(kinds: readonly Late[]): { rows: number; all: number; callees: number } {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  return {
    rows: sum(kinds.map(({ rows }) => rows)),
    all: sum(kinds.map(({ all }) => all)),
    callees: new Set(kinds.flatMap(({ callees }) => callees)).size,
  };
}

/** In this order a sweep marks them: those with limits of their own first, in any order. */
export function turnOf({ isOwn, heardAt }: Pick<Silent, 'isOwn' | 'heardAt'>): number {
  return isOwn ? Number.NEGATIVE_INFINITY : heardAt;
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
  const stale = open.filter(({ age, allowed }) => age > allowed);
  const everything = { allowed: Number.POSITIVE_INFINITY, held: false };
  // Seven tenths of the threshold.
  const slow = open.filter(({ age, allowed }) => age > 0.7 * allowed);
  const slowOfDaemons = slow.filter(({ isOwn }) => !isOwn);
  if (ratio === 0 || (before === null && slowOfDaemons.length + stale.length === 0))
    return { ...everything, storm: null };
  const kinds = kindsOf(open);
  const hit = kinds.filter(({ rows, all }) => rows > 0 && rows >= ratio * all);
  // An outage shows first where thresholds are short.
  const late = together(hit.length > 0 ? hit : kinds);
  const isStorm = late.rows >= Math.max(1, minStale) && late.callees >= 2 && late.rows >= ratio * late.all;
  if (before === null && (!isStorm || force)) return { ...everything, storm: null };
  const cameBack = (before?.cameBack ?? 0) + back;
  const cameBackAt = back > 0 ? now : (before?.cameBackAt ?? null);
  const storm: Storm = {
    heldSince: before?.heldSince ?? (stale.length > 0 ? now : null),
    released: before?.released ?? null,
    partialSince: together(kinds).rows < 0.9 * open.length ? (before?.partialSince ?? now) : null,
    cameBack,
    cameBackAt,
    watched: [],
  };
  const many = cameBack > 0 && cameBack >= 0.05 * (slow.length + cameBack);
  const coming = many && observedSince(cameBackAt!) < stuckAfterTicks;
  if ((before?.heldSince ?? null) === null && (force || !(isStorm || coming))) return { ...everything, storm: null };
  const { heldSince } = storm;
  if (heldSince === null) return { ...everything, storm: { ...storm, watched: slowOfDaemons } };
  const few = late.rows < Math.max(1, minStale);
  const trickle = (): StormPlan => {
    const allowed = Math.max(1, Math.ceil(stale.length / 20));
    return { allowed, held: false, storm: { ...storm, released: 'max_hold', watched: stale } };
  };
  if (storm.released !== null) {
    const over = stale.length === 0 || few || late.rows < (ratio / 2) * late.all;
    if (over && (!coming || stale.length === 0)) return { ...everything, storm: null };
    return force || storm.released === 'calm' ? { ...everything, storm } : trickle();
  }
  if ((stale.length === 0 && !isStorm) || (few && !coming)) return { ...everything, storm: null };
  if (force) return { ...everything, storm };
  if (observedSince(heldSince) > maxHoldTicks) return trickle();
  // Seven and a half minutes are less than a tick.
  const partial = storm.partialSince !== null && observedSince(Math.max(storm.partialSince, heldSince)) > 0;
  if (many ? !coming : partial) return { ...everything, storm: { ...storm, released: 'calm' } };
  return { allowed: 0, held: true, storm: { ...storm, watched: stale } };
}
