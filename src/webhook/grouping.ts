import type { Db, JobWithMetadata, PgBoss } from 'pg-boss';
import { groupedByCallee } from './group.ts';
import { type WebhookEvent, webhookEventOf } from './webhook-event.ts';
import type { WebhookQueues } from './webhook-queues.ts';

/** Events that are grouped at once: what a sweep marks in one transaction, by default. */
export const GROUPED_MAX = 1000;

/**
 * Makes posts of the events that wait to be grouped, in the transaction that takes them from their queue: each event is in
 * one post, and a post is the same in each of its attempts.
 */
export async function group(
  { boss, queues, isOwn }: { boss: PgBoss; queues: WebhookQueues; isOwn: (source: string) => boolean },
  jobs: readonly JobWithMetadata<unknown>[],
  db: Db,
): Promise<void> {
  const events = jobs
    .toSorted((a, b) => a.createdOn.getTime() - b.createdOn.getTime())
    .map(({ data }) => webhookEventOf(data))
    .filter((event): event is WebhookEvent => event !== null && isOwn(event.source))
    .toSorted(byActivity);
  const posts = groupedByCallee(events);
  if (posts.length > 0) await boss.insert(queues.names.webhook, posts as never, { db });
}

/** Activities have ascending ids, in the order of what happened. Holds have none of these, and come behind, in their own order. */
function byActivity(a: WebhookEvent, b: WebhookEvent): number {
  const [one, other] = [activityOf(a), activityOf(b)];
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  return one < other ? -1 : Number(one > other);
}

function activityOf({ id }: WebhookEvent): bigint | null {
  return /^\d+$/.test(id) ? BigInt(id) : null;
}
