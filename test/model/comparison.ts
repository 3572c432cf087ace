import type { Activity } from '../../src/ledger/activity.ts';
import {
  canonical,
  type Delegation,
  type Ledger,
  type Activity as ModelActivity,
  type Rule,
} from './reference-ledger.ts';
import { GAP_AGE_MAX_TICKS, type Picture } from './world.ts';

/**
 * One form for what the model and the real ledger hold. Transitions keep their order; late results and orphan updates
 * that come at once have no order among themselves, and may be recorded once or several times.
 */
export function pictured({ rows, activities, gapsAgo }: Picture): string {
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
          actor: activity.actor,
          detail: ruleOf(activity) ? { rule: ruleOf(activity) } : activity.detail,
          body: activity.responseBody,
        })),
      ]),
    ),
    gapsAgo,
  });
}

export function expected(ledger: Ledger): string {
  return canonical({
    rows: Object.fromEntries(
      Object.entries(ledger.delegations as Record<string, Delegation>).map(
        ([id, { status, heardAt, resultPreview, errorDetail }]) => [
          id,
          { status, heardAgo: heardAt === null ? null : ledger.now - heardAt, resultPreview, errorDetail },
        ],
      ),
    ),
    ...streams(Object.entries(ledger.activities as Record<string, readonly ModelActivity[]>)),
    gapsAgo: ledger.gaps
      .map(({ startAt, endAt }) => ({ startAgo: ledger.now - startAt, endAgo: ledger.now - endAt }))
      .filter(({ endAgo }) => endAgo <= GAP_AGE_MAX_TICKS),
  });
}

/** The rule by which the sweep marked; undefined for what is not a mark. */
export function ruleOf({ actor, detail }: Pick<Activity, 'actor' | 'detail'>): Rule | undefined {
  return actor === 'sweeper' ? (detail.rule as Rule) : undefined;
}

function streams(entries: [string, readonly { to: unknown }[]][]) {
  const transitions = entries.map(([id, list]) => [id, list.filter(({ to }) => to !== null)] as const);
  const attempts = entries.map(
    ([id, list]) => [id, [...new Set(list.filter(({ to }) => to === null).map(canonical))].sort()] as const,
  );
  const filled = <Item>(list: (readonly [string, readonly Item[]])[]) =>
    Object.fromEntries(list.filter(([, items]) => items.length > 0));
  return { transitions: filled(transitions), attempts: filled(attempts) };
}
