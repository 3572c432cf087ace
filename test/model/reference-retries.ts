import type { Id, Retry } from './operation.ts';
import { asHeard, type Delegation, isOpen, type Ledger, put, record } from './reference-ledger.ts';

/** What it is to try a delegation again, written out again. */

export const retryNameOf = (id: Id): Id => `${id}+`;

/** Six hours, in ticks: of a delegation whose deadline was never ahead. */
const DEADLINE_DEFAULT_TICKS = 6;

/** A new delegation with the same task and limits, and a deadline as far ahead, without what waits added to that. */
function again(ledger: Ledger, id: Id, old: Delegation, actor: string): Ledger {
  const { caller, callee, ownTicks, stalledTicks, deadlineAt, createdAt, addedTicks } = old;
  const allowed = deadlineAt - createdAt - addedTicks;
  const attempt = old.attempt + 1;
  const row: Delegation = {
    caller,
    callee,
    key: null,
    status: 'queued',
    heardAt: null,
    deadlineAt: ledger.now + (allowed > 0 ? allowed : DEADLINE_DEFAULT_TICKS),
    resultPreview: null,
    errorDetail: null,
    ownTicks,
    ...asHeard,
    waiting: null,
    progress: null,
    progressAt: null,
    stalledTicks,
    stalledFromAt: stalledTicks === null ? null : ledger.now,
    createdAt: ledger.now,
    addedTicks: 0,
    retryOf: id,
    attempt,
  };
  const activity = {
    event: 'delegation.queued',
    from: null,
    to: 'queued',
    actor,
    detail: { retry: attempt },
    body: null,
  } as const;
  const name = retryNameOf(id);
  return record(put(ledger, name, row), name, activity);
}

/** By hand: once, and only what failed or is stuck. */
export function retry(ledger: Ledger, { id }: Retry) {
  const found = ledger.delegations[id];
  if (!found) return { ledger, result: { outcome: 'missing', attempt: null } };
  if (isOpen(found) || found.status === 'completed') return { ledger, result: { outcome: 'refused', attempt: null } };
  const result = (outcome: string) => ({ outcome, attempt: found.attempt + 1 });
  if (ledger.delegations[retryNameOf(id)]) return { ledger, result: result('duplicate') };
  return { ledger: again(ledger, id, found, 'ledger'), result: result('inserted') };
}

/** By the sweep that has just marked it: as long as there were not retries enough, and no result of it came late. */
export function retryMarked(ledger: Ledger, id: Id, retriesMax: number): Ledger {
  const found = ledger.delegations[id]!;
  const isLate = (ledger.activities[id] ?? []).some(({ event }) => event === 'delegation.late_result');
  return found.status !== 'stuck' || found.attempt > retriesMax || isLate
    ? ledger
    : again(ledger, id, found, 'sweeper');
}
