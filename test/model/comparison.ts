import type { Activity } from '../../src/ledger/activity.ts';
import { TICK_MS } from './face.ts';
import type { Tick } from './operation.ts';
import { isHeld } from './reference-hold.ts';
import { canonical, type Delegation, type Ledger, type Activity as ModelActivity } from './reference-ledger.ts';
import type { Rule } from './reference-sweep.ts';
import { GAP_AGE_MAX_TICKS, type Picture, type PictureRow } from './world.ts';

/**
 * One form for what the model and the real ledger hold. Transitions keep their order; late results and orphan updates
 * that come at once have no order among themselves. Each is recorded once.
 */
export function pictured({ rows, activities, gapsAgo, holdUntilAgo }: Picture): string {
  return canonical({
    rows: Object.fromEntries(
      Object.entries(rows).map(([id, { finished: _, errorDetail, ...row }]) => [
        id,
        { ...row, errorDetail: errorDetail?.replace(/for \d+s/, 'for #s') ?? null },
      ]),
    ),
    ...streams(
      Object.entries(activities).map(([id, list]) => [
        id,
        list.map((activity) => ({
          event: activity.event,
          from: activity.fromStatus,
          to: activity.toStatus,
          actor: ['ledger', 'sweeper'].includes(activity.actor) ? activity.actor : 'foreign',
          detail: detailOf(activity),
          body: activity.responseBody,
        })),
      ]),
    ),
    gapsAgo,
    holdUntilAgo,
  });
}

export function expected(ledger: Ledger): string {
  return canonical({
    rows: Object.fromEntries(
      Object.entries(ledger.delegations as Record<string, Delegation>).map(([id, delegation]) => [
        id,
        rowOf(delegation, ledger),
      ]),
    ),
    ...streams(Object.entries(ledger.activities as Record<string, readonly ModelActivity[]>)),
    gapsAgo: ledger.gaps
      .map(({ startAt, endAt }) => ({ startAgo: ledger.now - startAt, endAgo: ledger.now - endAt }))
      .filter(({ endAgo }) => endAgo <= GAP_AGE_MAX_TICKS),
    holdUntilAgo: isHeld(ledger) ? Math.floor(ledger.now - ledger.heldUntilAt!) : null,
  });
}

/** The rule by which the sweep marked; undefined for what is not a mark. */
export function ruleOf({ actor, detail }: Pick<Activity, 'actor' | 'detail'>): Rule | undefined {
  return actor === 'sweeper' ? (detail.rule as Rule) : undefined;
}

/** Rounded as world.ts reads it: the deadline lies between two ticks, the end of a wait a little past one. */
function rowOf(delegation: Delegation, { now, stuckAfterTicks }: Ledger): Omit<PictureRow, 'finished'> {
  const { status, heardAt, deadlineAt, resultPreview, errorDetail, ownTicks, waiting, progress, progressAt } =
    delegation;
  const { daemonsLoweredFromTicks } = delegation;
  // What was lowered as long ago as no horizon reaches may have been deleted, like a gap.
  const isRecent = heardAt !== null && now - heardAt <= GAP_AGE_MAX_TICKS;
  const isLonger = isRecent && (daemonsLoweredFromTicks ?? 0) > stuckAfterTicks;
  const ago = (at: Tick | null) => (at === null ? null : now - at);
  return {
    status,
    heardAgo: ago(heardAt),
    deadlineAgo: Math.floor(now - deadlineAt),
    resultPreview,
    errorDetail,
    ownTicks,
    loweredFromTicks: status === 'in_progress' ? delegation.loweredFromTicks : null,
    daemonsLoweredFromTicks: status === 'in_progress' && isLonger ? daemonsLoweredFromTicks : null,
    stalledTicks: delegation.stalledTicks,
    waiting: waiting && {
      sinceAgo: now - waiting.sinceAt,
      untilAgo: Math.round(now - waiting.untilAt),
      reason: waiting.reason,
    },
    progress,
    progressAgo: ago(progressAt),
    retryOf: delegation.retryOf,
    attempt: delegation.attempt,
  };
}

/** Without the instants, which the rows show, and with thresholds in ticks. */
function detailOf(activity: Pick<Activity, 'event' | 'actor' | 'detail'>): object {
  const { event, detail } = activity;
  if (ruleOf(activity)) return { rule: ruleOf(activity) };
  if ('retryOf' in detail) return { retry: detail.attempt };
  // What it began with is its row's as well.
  if (event === 'delegation.queued') return {};
  if (event === 'delegation.waiting' || event === 'delegation.resumed') return { reason: detail.reason };
  if (event !== 'delegation.adjusted') return detail;
  const ticks = (name: 'stuckAfterMs' | 'stalledAfterMs') => {
    const { from, to } = detail[name] as { from: number | null; to: number | null };
    return { from: from === null ? null : from / TICK_MS, to: to === null ? null : to / TICK_MS };
  };
  return {
    ...('deadline' in detail && { deadline: true }),
    ...('stuckAfterMs' in detail && { stuckAfterTicks: ticks('stuckAfterMs') }),
    ...('stalledAfterMs' in detail && { stalledAfterTicks: ticks('stalledAfterMs') }),
  };
}

function streams(entries: [string, readonly { event: string; to: unknown }[]][]) {
  const isAttempt = ({ event }: { event: string }) =>
    event === 'delegation.late_result' || event === 'delegation.orphan_update';
  const steps = entries.map(([id, list]) => [id, list.filter((one) => !isAttempt(one))] as const);
  const attempts = entries.map(([id, list]) => [id, list.filter(isAttempt).map(canonical).sort()] as const);
  const filled = <Item>(list: (readonly [string, readonly Item[]])[]) =>
    Object.fromEntries(list.filter(([, items]) => items.length > 0));
  return { steps: filled(steps), attempts: filled(attempts) };
}
