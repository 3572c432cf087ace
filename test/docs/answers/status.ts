import * as z from 'zod';
import { openStatuses } from '../../../src/ledger/transitions.ts';
import type { Census } from '../../../src/sweeper/status/census.ts';
import type { Status } from '../../../src/sweeper/status/status.ts';
import type { Undelivered } from '../../../src/webhook/undelivered.ts';
import { type Answer, count, database, instant, milliseconds, type Written } from './answer.ts';
import { operatorHold } from './hold.ts';

const storm = z.object({
  state: z.enum(['calm', 'held', 'released']).meta({
    description:
      'held: nothing is marked stuck. released: the hold ran out, and a twentieth of the silent is marked per sweep.',
  }),
  since: instant.nullable(),
  until: instant.nullable().meta({ description: 'When the hold runs out.' }),
});

const hold = z.object({
  by: z.enum(['storm', 'operator']).meta({ description: 'Where both hold: the operator.' }),
  reason: z.string().nullable().meta({ description: 'What the operator gave.' }),
  since: instant,
  until: instant,
  madeBy: z.string().nullable().meta({ description: 'The operator; null for the storm guard.' }),
  madeRole: z.string().nullable().meta({ description: "The operator's database role." }),
});

const lastSweep = z.object({
  startedAt: instant,
  trigger: z.enum(['cron', 'startup', 'manual', 'due']),
  stuck: count,
  failed: count,
  poisoned: count,
  remaining: count,
  truncated: z.boolean(),
  held: z.boolean(),
  durationMs: milliseconds,
  unobservedMs: milliseconds,
});

const day = z.object({
  sweeps: count,
  stuck: count.meta({ description: 'Marked stuck, for silence or for lack of progress.' }),
  stalled: count.meta({ description: 'Of these, for lack of progress.' }),
  failed: count,
  retried: count.meta({ description: 'Of those marked stuck, those that a sweep tried again.' }),
  lateResults: count.meta({ description: 'Of those marked stuck, how many still delivered a result; 10000 at most.' }),
  unobservedMs: milliseconds,
  falsePositiveRatio: z.number().min(0).max(1).nullable().meta({
    description: 'Late results over delegations marked stuck; null when none was marked.',
  }),
});

const oldest = z.object({
  silenceMs: milliseconds.nullable().meta({
    description: 'Of the delegation in progress that is closest to its threshold, or furthest past it.',
  }),
  allowedMs: milliseconds.nullable().meta({ description: 'The threshold of that delegation.' }),
  overdueMs: milliseconds.meta({ description: 'How long the most overdue open delegation has been overdue.' }),
});

const open = z.object({
  at: instant,
  byStatus: z.object(Object.fromEntries(openStatuses.map((status) => [status, count]))),
  capped: z.boolean().meta({ description: 'There are more: the figures are those of the first million by deadline.' }),
  silence: z.array(count).length(11).meta({
    description: 'Delegations in progress by silence, in tenths of their thresholds; the last are at or past it.',
  }),
  waiting: count,
  longestWaitMs: milliseconds.nullable(),
  ownThreshold: count.meta({ description: 'Delegations with a threshold of their own.' }),
}) satisfies z.ZodType<Written<Census>>;

const webhook = z.object({
  waiting: count.meta({ description: 'Posts that wait for an attempt, counted to 10,000.' }),
  oldestMs: milliseconds.nullable(),
  dead: count.meta({ description: 'Dead letters, counted to 10,000.' }),
  lastDeliveredAt: instant.nullable().meta({ description: 'Null: nothing was delivered in the last day.' }),
}) satisfies z.ZodType<Written<Undelivered>>;

const schema = z
  .object({
    sweeping: z.boolean().meta({ description: 'A sweep has succeeded in time. False: the exit code is 1.' }),
    database,
    now: instant.meta({ description: "The database's clock." }),
    sweptAt: instant.nullable().meta({ description: 'The last successful sweep, by any replica.' }),
    nextAt: instant.meta({ description: 'The next tick.' }),
    dueSince: instant.meta({ description: 'sweeping: sweptAt is not older than this, the third latest tick.' }),
    skewMs: z.int().meta({ description: "This host's clock minus the database's, in milliseconds." }),
    beatAt: instant.nullable().meta({ description: 'The last beat of a daemon.' }),
    stuckAfterMs: milliseconds.meta({ description: 'The threshold in force.' }),
    storm,
    hold: hold.nullable().meta({ description: 'What holds the rules that infer silence; null: nothing.' }),
    operatorHolds: z.array(operatorHold).max(10).meta({ description: 'The latest holds of operators, newest first.' }),
    lastSweep: lastSweep.nullable().meta({ description: 'The sweep that began last.' }),
    day: day.meta({ description: 'The last 24 hours.' }),
    oldest,
    open: open.meta({ description: 'The open delegations, counted to a million at most.' }),
    webhook: webhook.nullable().meta({ description: 'What is not delivered; null: this role may not read it.' }),
  })
  .meta({ description: 'Whether it sweeps, and what is open.' }) satisfies z.ZodType<Written<Status>>;

export const answer: Answer = { schema, invocations: () => [['status', '--json']] };
