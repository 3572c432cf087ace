import type { Advance, Id, Restart, Tick } from './operation.ts';
import { isHeld } from './reference-hold.ts';
import { type Delegation, entries, type Gap, isOpen, type Ledger, moved, put, record } from './reference-ledger.ts';
import { retryMarked } from './reference-retries.ts';
import { type Silent, stormPlan, turnOf } from './reference-storm.ts';

/** What the daemon and the sweep promise, written out again. */

export const HOLD_MAX_TICKS = 5.5;

/** Since the last beat, when that is a tick ago or more. */
function openGap({ now, beatAt }: Ledger): Gap[] {
  return beatAt !== null && beatAt < now ? [{ startAt: beatAt, endAt: now }] : [];
}

export function beat(ledger: Ledger): Ledger {
  return { ...ledger, gaps: [...ledger.gaps, ...openGap(ledger)], beatAt: ledger.now };
}

/**
 * All daemons start anew, with this threshold. Where it is a shorter one, an agent learns that when it is heard: until then
 * its delegation is judged by the one of before.
 */
export function restart(ledger: Ledger, { ticks }: Omit<Restart, 'op'>): Ledger {
  const before = ledger.beatAt === null ? 0 : ledger.stuckAfterTicks;
  const stuckAfterTicks = ticks + 0.5;
  const after = { ...beat(ledger), stuckAfterTicks };
  if (stuckAfterTicks >= before) return after;
  const unheard = entries(ledger).filter(([, { heardAt }]) => heardAt !== null);
  return unheard.reduce((ledger, [id, found]) => {
    const daemonsLoweredFromTicks = Math.max(found.daemonsLoweredFromTicks ?? 0, before);
    return put(ledger, id, { ...found, daemonsLoweredFromTicks });
  }, after);
}

/** A daemon that observes leaves a beat first and goes on beating. */
export function advance(ledger: Ledger, { ticks, observed }: Omit<Advance, 'op'>): Ledger {
  const from = observed ? beat(ledger) : ledger;
  const now = from.now + ticks;
  return { ...from, now, ...(observed && { beatAt: now }) };
}

/** Ticks between an instant and now in which a daemon watched: an agent's silence is counted in these. */
function observedSince(ledger: Ledger, since: Tick): Tick {
  const unobserved = [...ledger.gaps, ...openGap(ledger)].map(({ startAt, endAt }) => endAt - Math.max(startAt, since));
  return ledger.now - since - unobserved.filter((ticks) => ticks > 0).reduce((sum, ticks) => sum + ticks, 0);
}

/** Unobserved ticks that a sweep reports: those between now and the horizon. */
export function unobservedTicks(ledger: Ledger): Tick {
  let allowed = ledger.stuckAfterTicks;
  let unobserved = 0;
  let at = ledger.now;
  for (const { startAt, endAt } of [...ledger.gaps, ...openGap(ledger)].toReversed()) {
    if (at - endAt >= allowed) break;
    allowed -= at - endAt;
    unobserved += endAt - startAt;
    at = startAt;
  }
  return unobserved;
}

export function isOverdue(ledger: Ledger, delegation: Delegation): boolean {
  return isOpen(delegation) && delegation.deadlineAt < ledger.now;
}

/** In progress, not overdue, and nothing that it waits for: its silence counts. */
function isWatched(ledger: Ledger, delegation: Delegation): boolean {
  const { status, waiting } = delegation;
  return (
    status === 'in_progress' && !isOverdue(ledger, delegation) && (waiting === null || waiting.untilAt <= ledger.now)
  );
}

/** The latest of these instants; a wait that has passed counts with its end. */
function latest({ waiting }: Delegation, ...instants: readonly (Tick | null)[]): Tick {
  return Math.max(...[...instants, waiting?.untilAt ?? null].filter((at) => at !== null));
}

export function isStale(ledger: Ledger, delegation: Delegation): boolean {
  const { heardAt, ownTicks, loweredFromTicks, daemonsLoweredFromTicks } = delegation;
  const daemons = Math.max(ledger.stuckAfterTicks, daemonsLoweredFromTicks ?? 0);
  const allowed = Math.max(ownTicks ?? daemons, loweredFromTicks ?? 0);
  return isWatched(ledger, delegation) && observedSince(ledger, latest(delegation, heardAt)) > allowed;
}

/** What is silent for too long is the stale rule's. */
export function isStalled(ledger: Ledger, delegation: Delegation): boolean {
  const { stalledTicks, progressAt, stalledFromAt } = delegation;
  return (
    stalledTicks !== null &&
    isWatched(ledger, delegation) &&
    !isStale(ledger, delegation) &&
    observedSince(ledger, latest(delegation, progressAt, stalledFromAt)) > stalledTicks
  );
}

/** Such rows are swept in batches of their own. */
export function isSpecial({ ownTicks, stalledTicks, waiting, loweredFromTicks }: Delegation): boolean {
  return ownTicks !== null || stalledTicks !== null || waiting !== null || loweredFromTicks !== null;
}

const matching = { overdue: isOverdue, stale: isStale, stalled: isStalled };
const details = { overdue: 'deadline exceeded', stale: 'no heartbeat for #s', stalled: 'no progress for #s' };

export type Rule = keyof typeof matching;

/** The sweep marks one row, and tries it again; null when it must not. */
export function mark(ledger: Ledger, id: Id, rule: Rule, force: boolean, retriesMax: number): Ledger | null {
  const found = ledger.delegations[id];
  if (!found || !matching[rule](ledger, found)) return null;
  if (rule !== 'overdue' && isHeld(ledger) && !force) return null;
  const to = rule === 'overdue' ? 'failed' : 'stuck';
  const activity = {
    event: `delegation.${to}`,
    from: found.status,
    to,
    actor: 'sweeper',
    detail: { rule },
    body: null,
  } as const;
  const row = { ...moved(ledger, found, to), errorDetail: details[rule] };
  return retryMarked(record(put(ledger, id, row), id, activity), id, retriesMax);
}

export interface SweepBounds {
  readonly batchRowsMax: number;
  readonly rowsMax: number;
  readonly stormMinStale: number;
  /** 0: no storm guard. */
  readonly stormRatio: number;
  /** Attempts in all; 0: the sweep tries nothing again. */
  readonly retriesMax: number;
}

/** What one rule of a sweep must do: mark `take` of these, the oldest tick first, in any order within a tick. */
export interface RulePlan {
  readonly candidates: readonly { readonly id: Id; readonly at: Tick; readonly isSpecial: boolean }[];
  readonly take: number;
}

export interface StalePlan extends RulePlan {
  readonly held: boolean;
  /** The ledger with the storm guard's new memory. */
  readonly ledger: Ledger;
}

export function overduePlan(ledger: Ledger, { rowsMax }: SweepBounds): RulePlan {
  const candidates = entries(ledger)
    .filter(([, delegation]) => isOverdue(ledger, delegation))
    .map(([id, { deadlineAt }]) => ({ id, at: deadlineAt, isSpecial: false }));
  return { candidates, take: Math.min(rowsMax, candidates.length) };
}

/** Of the rows that the sweep before left silent, those that were heard since. To be called before anything is marked. */
export function cameBack({ storm, delegations }: Ledger): number {
  const still = ({ id, heardAt }: { id: Id; heardAt: Tick }) =>
    delegations[id]?.status === 'in_progress' && delegations[id].heardAt === heardAt;
  return storm === null ? 0 : storm.watched.filter((row) => !still(row)).length;
}

/** To be called when the stale rows are marked: what is marked is not watched. */
export function watchesLeft(ledger: Ledger): Ledger {
  if (ledger.storm === null) return ledger;
  const watched = ledger.storm.watched.filter(({ id }) => ledger.delegations[id]?.status === 'in_progress');
  return { ...ledger, storm: { ...ledger.storm, watched } };
}

/** To be called when the overdue rows are marked. */
export function stalePlan(ledger: Ledger, bounds: SweepBounds, force: boolean, back: number): StalePlan {
  const open = entries(ledger)
    .filter(([, delegation]) => delegation.status === 'in_progress' && !isOverdue(ledger, delegation))
    .map(([id, delegation]): Silent => {
      const { callee, ownTicks, loweredFromTicks } = delegation;
      const heardAt = delegation.heardAt!;
      const allowed = Math.max(ownTicks ?? ledger.stuckAfterTicks, loweredFromTicks ?? 0);
      return { id, callee, heardAt, age: observedSince(ledger, heardAt), allowed, isOwn: isSpecial(delegation) };
    });
  const stormBounds = {
    minStale: bounds.stormMinStale,
    ratio: bounds.stormRatio,
    stuckAfterTicks: ledger.stuckAfterTicks,
    maxHoldTicks: HOLD_MAX_TICKS,
  };
  const { allowed, held, storm } = stormPlan(
    ledger.storm,
    open,
    back,
    ledger.now,
    (since) => observedSince(ledger, since),
    stormBounds,
    force,
  );
  const candidates = open
    .filter(({ id }) => isStale(ledger, ledger.delegations[id]!))
    .map((row) => ({ id: row.id, at: turnOf(row), isSpecial: row.isOwn }));
  const byOperator = isHeld(ledger) && !force;
  // All that is silent is left, whatever the guard would do.
  const left = open.filter(({ age, allowed }) => age > allowed);
  const watching = byOperator && storm !== null && storm.heldSince !== null ? { ...storm, watched: left } : storm;
  return {
    candidates,
    take: byOperator ? 0 : Math.min(allowed, bounds.rowsMax, candidates.length),
    held: held || byOperator,
    ledger: { ...ledger, storm: watching },
  };
}

/** Once the stale ones are marked. Only without a storm guard, which holds these with the stale ones. */
export function stalledPlan(ledger: Ledger, { rowsMax }: SweepBounds, force: boolean): RulePlan {
  const candidates = entries(ledger)
    .filter(([, delegation]) => isStalled(ledger, delegation))
    .map(([id, delegation]) => ({
      id,
      at: latest(delegation, delegation.progressAt, delegation.stalledFromAt),
      isSpecial: true,
    }));
  return { candidates, take: isHeld(ledger) && !force ? 0 : Math.min(rowsMax, candidates.length) };
}
