import * as z from 'zod';
import type { Replay, TestPost, WebhookList } from '../../../src/cli/webhook-words.ts';
import { type Answer, count, embeddedDatabase, instant, milliseconds, type Written } from './answer.ts';

const url = z.string().meta({ description: 'Protocol, host and port; a path or a query is not shown.' });

const list = z
  .object({
    url: url.nullable().meta({ description: 'Null: WEBHOOK_URL is not set here.' }),
    waiting: count.meta({ description: 'Posts that wait for an attempt, counted to 10,000.' }),
    oldestMs: milliseconds.nullable().meta({ description: 'How long the oldest of these waits; null: there is none.' }),
    dead: count.meta({ description: 'Dead letters, counted to 10,000.' }),
    lastDeliveredAt: instant.nullable().meta({ description: 'Null: nothing was delivered in the last day.' }),
    rows: z.array(
      z.object({
        eventId: z.string().meta({ description: 'webhook-id of the post.' }),
        state: z.enum(['dead', 'waiting']),
        type: z.string().nullable().meta({ description: 'Of its first event.' }),
        delegationId: z.string().nullable().meta({ description: 'Of its first event.' }),
        events: count,
        attempts: count.meta({ description: 'That were made.' }),
        reason: z.string().nullable().meta({ description: 'Why the last one failed.' }),
        since: instant,
        nextAttemptAt: instant.nullable().meta({ description: 'Null: it is a dead letter.' }),
      }),
    ),
    database: embeddedDatabase,
  })
  .meta({
    description: 'webhook list: dead letters, the latest first, then what waits, the oldest first.',
  }) satisfies z.ZodType<Written<WebhookList>>;

const replay = z
  .object({
    replayed: count.meta({ description: 'Posts that were queued again.' }),
    missing: z.array(z.string()).meta({ description: 'Ids of which there is no dead letter.' }),
    database: embeddedDatabase,
  })
  .meta({ description: 'webhook replay' }) satisfies z.ZodType<Written<Replay>>;

const test = z
  .object({
    delivered: z.boolean(),
    url,
    id: z.string().meta({ description: 'webhook-id of the post.' }),
    status: z.int().nullable().meta({ description: "The receiver's HTTP status; null: there was no answer." }),
    reason: z.string().nullable().meta({ description: 'Why it was not delivered, as in webhook.failed.' }),
    tookMs: milliseconds,
  })
  .meta({ description: 'webhook test' }) satisfies z.ZodType<Written<TestPost>>;

export const answer: Answer = {
  schema: z.union([list, replay, test]),
  invocations: () => [
    ['webhook', 'list', '--json'],
    ['webhook', 'replay', '17', '--json'],
    ['webhook', 'replay', '--all', '--json'],
  ],
};
