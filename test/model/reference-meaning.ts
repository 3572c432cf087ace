import type { Adjust, Resume, Wait } from './operation.ts';
import { asHeard, type Delegation, isOpen, type Ledger, put, record, UNTOLD_TICKS } from './reference-ledger.ts';

/** What gives silence a meaning, written out again: waits, thresholds of a delegation's own, and lack of progress. */

/** The end of a wait lies this much past a tick: a deadline that sixteen waits have moved still lies between two ticks. */
export const WAIT_OFFSET = 0.03;

function activityOf(event: string, { status: from }: Delegation, detail: object) {
  return { event, from, to: null, actor: 'ledger', detail: { ...detail }, body: null };
}

/** While it waits the deadline stands still: it moves by what is waited longer or shorter than was agreed before. */
export function wait(ledger: Ledger, { id, ticks, reason }: Wait) {
  const found = ledger.delegations[id];
  if (!found) return { ledger, result: { outcome: 'missing' } };
  if (!isOpen(found)) return { ledger, result: { outcome: 'refused', status: found.status } };
  const untilAt = ledger.now + ticks + WAIT_OFFSET;
  const before = found.waiting;
  const isStill = before !== null && before.untilAt > ledger.now;
  const sinceAt = isStill ? before.sinceAt : ledger.now;
  const agreedAt = isStill ? before.untilAt : ledger.now;
  const waiting = { sinceAt, untilAt, reason };
  const ticksMore = untilAt - agreedAt;
  const row = {
    ...found,
    waiting,
    deadlineAt: found.deadlineAt + ticksMore,
    addedTicks: found.addedTicks + ticksMore,
  };
  return {
    ledger: record(put(ledger, id, row), id, activityOf('delegation.waiting', found, { reason })),
    result: { outcome: 'waiting', status: found.status },
  };
}

/** A sign of life; what was not waited is given back. */
export function resume(ledger: Ledger, { id }: Resume) {
  const found = ledger.delegations[id];
  if (!found) return { ledger, result: { outcome: 'missing' } };
  const answer = (outcome: string) => ({ outcome, status: found.status });
  if (!isOpen(found)) return { ledger, result: answer('refused') };
  if (found.waiting === null) return { ledger, result: answer('unchanged') };
  const { untilAt, reason } = found.waiting;
  const unusedTicks = Math.max(0, untilAt - ledger.now);
  const row = {
    ...found,
    waiting: null,
    heardAt: ledger.now,
    ...asHeard,
    deadlineAt: found.deadlineAt - unusedTicks,
    addedTicks: found.addedTicks - unusedTicks,
    stalledFromAt: found.stalledTicks === null ? null : ledger.now,
  };
  return {
    ledger: record(put(ledger, id, row), id, activityOf('delegation.resumed', found, { reason })),
    result: answer('resumed'),
  };
}

/** Deadlines later only. A threshold that is lowered counts once the delegation was heard: its agent learns it then. */
export function adjust(ledger: Ledger, { id, deadlineTicks, ownTicks, stalledTicks }: Adjust) {
  const found = ledger.delegations[id];
  if (!found) return { ledger, result: { outcome: 'missing' } };
  const deadlineAt = deadlineTicks === undefined ? found.deadlineAt : ledger.now + deadlineTicks + 0.5;
  if (!isOpen(found) || deadlineAt < found.deadlineAt) return { ledger, result: { outcome: 'refused' } };
  const half = (ticks: number | null | undefined, held: number | null) =>
    ticks === undefined ? held : ticks === null ? null : ticks + 0.5;
  const own = half(ownTicks, found.ownTicks);
  const stalled = half(stalledTicks, found.stalledTicks);
  const changed = {
    // A deadline that is the same to the tick was asked for a moment later.
    ...(deadlineTicks !== undefined && { deadline: true }),
    ...(own !== found.ownTicks && { stuckAfterTicks: { from: found.ownTicks, to: own } }),
    ...(stalled !== found.stalledTicks && { stalledAfterTicks: { from: found.stalledTicks, to: stalled } }),
  };
  if (Object.keys(changed).length === 0) return { ledger, result: { outcome: 'unchanged' } };
  const inForce = ledger.beatAt === null ? UNTOLD_TICKS : ledger.stuckAfterTicks;
  const daemons = Math.max(inForce, found.daemonsLoweredFromTicks ?? 0);
  const effective = Math.max(found.ownTicks ?? daemons, found.loweredFromTicks ?? 0);
  const loweredFromTicks =
    own === found.ownTicks ? found.loweredFromTicks : (own ?? inForce) < effective ? effective : null;
  const stalledFromAt = stalled === found.stalledTicks ? found.stalledFromAt : stalled === null ? null : ledger.now;
  const row = { ...found, deadlineAt, ownTicks: own, stalledTicks: stalled, loweredFromTicks, stalledFromAt };
  return {
    ledger: record(put(ledger, id, row), id, activityOf('delegation.adjusted', found, changed)),
    result: { outcome: 'adjusted' },
  };
}
