import * as z from 'zod';
import { event } from './event.ts';
import { count, text } from './fields.ts';

const post = {
  eventId: text('webhook-id of the post: the id of its event, or of the first of several'),
  type: text('the type of its first event'),
  delegationId: z.string().nullable().describe('the delegation of its first event; null where it is about none'),
  events: count('events in the post: more than one only with WEBHOOK_GROUP_BY'),
} as const;

const attempt = count('which attempt it was, from 1');
const status = z.int().nullable().describe("the receiver's HTTP status; null when it gave none");
const reasons =
  '`status_` with the HTTP status, `redirect`, `timeout`, `connection`, `connection_refused`, `name_not_found`, `tls`, `malformed`, `private_address`, `secret_unreadable`';

export const webhookEvents = {
  'webhook.started': event(
    'info',
    'Events are posted to the webhook',
    z.strictObject({
      host: text('where to, with its port'),
      groupBy: z.enum(['callee']).nullable().describe('WEBHOOK_GROUP_BY; null: each event is a post of its own'),
    }),
  ),
  'webhook.stopped': event(
    'info',
    'WEBHOOK_URL is no longer set: events are no longer queued for it',
    z.strictObject({ eventTypes: count('types of events that were subscribed to') }),
  ),
  'webhook.failed': event(
    'warn',
    'A post was not delivered, and is tried again; the same reason is logged once a minute',
    z.strictObject({
      ...post,
      attempt,
      status,
      reason: text(`why: ${reasons}`),
      posts: count('posts that failed for this reason since the line before, this one included'),
      attemptsMax: count('attempts before it becomes a dead letter'),
    }),
  ),
  'webhook.dead': event(
    'error',
    'A post is a dead letter: `webhook replay` sends it again; the same reason is logged once a minute',
    z.strictObject({
      ...post,
      attempt,
      status,
      reason: text(`why its last attempt failed: ${reasons}`),
      posts: count('dead letters for this reason since the line before, this one included'),
    }),
  ),
  'webhook.secret_unreadable': event(
    'warn',
    'WEBHOOK_SECRET_FILE cannot be used; logged once a minute',
    z.strictObject({
      file: text('its path'),
      reason: text('what is wrong with it, without a part of its content'),
      usesEarlier: z.boolean().describe('true: the secrets that were read before are used; false: every post fails'),
    }),
  ),
} as const;
