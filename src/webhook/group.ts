import { randomBytes } from 'node:crypto';
import type { WebhookEvent } from './webhook-event.ts';

/** A receiver may limit what it reads: a hundred events are about 70 kB. */
export const GROUP_EVENTS_MAX = 100;

/** The data of a job that posts several events at once. Made once, so that its id and its events stay through all attempts. */
export interface Group {
  readonly id: string;
  readonly events: readonly WebhookEvent[];
}

export function isGroup(data: unknown): data is Group {
  if (typeof data !== 'object' || data === null) return false;
  const { id, events } = data as Partial<Record<keyof Group, unknown>>;
  return typeof id === 'string' && id !== '' && Array.isArray(events) && events.length > 0;
}

/** A post to come: its data, and what it stays in order by. */
export interface GroupedPost {
  readonly id: string;
  readonly data: Group | WebhookEvent;
  readonly singletonKey: string;
}

const MARKS: ReadonlySet<string> = new Set(['delegation.stuck.v1', 'delegation.failed.v1']);

/**
 * The posts for these events, which are in their order: one for what a sweep marked of one callee, up to GROUP_EVENTS_MAX,
 * and one for each other event. All about one callee stay in order.
 */
export function groupedByCallee(events: readonly WebhookEvent[]): GroupedPost[] {
  const posts: { readonly key: string; readonly group: string | null; readonly events: WebhookEvent[] }[] = [];
  const open = new Map<string, (typeof posts)[number]>();
  for (const event of events) {
    const key = keyOf(event);
    const group = groupOf(event);
    const current = open.get(key);
    if (
      current !== undefined &&
      group !== null &&
      current.group === group &&
      current.events.length < GROUP_EVENTS_MAX
    ) {
      current.events.push(event);
      continue;
    }
    const post = { key, group, events: [event] };
    open.set(key, post);
    posts.push(post);
  }
  const ids = ascendingIds(posts.length);
  return posts.map(({ key, group, events: grouped }, index) => ({
    id: ids[index]!,
    singletonKey: key,
    data: group === null ? grouped[0]! : { id: `${grouped[0]!.id}+${grouped.length - 1}`, events: grouped },
  }));
}

function keyOf({ data, subject }: WebhookEvent): string {
  return data?.calleeId ? `callee ${data.calleeId}` : (subject ?? 'sweep');
}

/** Which sweep's mark of which callee it is; null for what is no mark. */
function groupOf({ type, data }: WebhookEvent): string | null {
  if (!MARKS.has(type) || !data?.sweepId || !data.calleeId) return null;
  return JSON.stringify([data.sweepId, data.calleeId]);
}

/** UUIDs in ascending order: pg-boss takes the jobs of one transaction in the order of their ids. */
function ascendingIds(count: number): string[] {
  const random = randomBytes(8).toString('hex');
  return Array.from({ length: count }, (_, index) => {
    const counter = index.toString(16).padStart(8, '0');
    return `${counter}-${random.slice(0, 4)}-4${random.slice(4, 7)}-8${random.slice(7, 10)}-${random.slice(10)}${randomBytes(3).toString('hex')}`;
  });
}
