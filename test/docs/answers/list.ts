import * as z from 'zod';
import { type Delegation, statuses } from '../../../src/index.ts';
import { type Answer, embeddedDatabase, instant, milliseconds, type Written } from './answer.ts';

/** A row of the ledger, without its previews. */
export const delegation = z.object({
  delegationId: z.string(),
  callerId: z.string(),
  calleeId: z.string(),
  status: z.enum(statuses),
  lastHeartbeat: instant.nullable(),
  deadline: instant,
  idempotencyKey: z.string().nullable(),
  stuckAfterMs: milliseconds.nullable().meta({ description: 'Its own threshold of silence; null: STUCK_AFTER.' }),
  stalledAfterMs: milliseconds
    .nullable()
    .meta({ description: 'It counts as stuck without progress for longer; null: it does not.' }),
  waitingSince: instant.nullable(),
  waitingUntil: instant.nullable(),
  waitingReason: z.string().nullable(),
  progress: z.string().nullable(),
  progressAt: instant.nullable(),
  retryOf: z.string().nullable().meta({ description: 'The delegation of which this one is a retry.' }),
  attempt: z.int().positive(),
  startAfter: instant.nullable().meta({ description: 'It should not be started before; null: at once.' }),
  traceparent: z.string().nullable(),
  finishedAt: instant.nullable(),
  createdAt: instant,
  updatedAt: instant,
}) satisfies z.ZodType<Written<Omit<Delegation, 'taskPreview' | 'resultPreview' | 'errorDetail'>>>;

const schema = z
  .object({
    rows: z.array(delegation),
    next: z.string().nullable().meta({ description: 'For --after: the next page; null: this one is the last.' }),
    database: embeddedDatabase,
  })
  .meta({ description: 'One page of delegations, newest first. Previews are left out.' });

export const answer: Answer = {
  schema,
  invocations: ({ callerId, calleeId }) => [
    ['list', '--json'],
    ['list', '--limit', '1', '--json'],
    ['list', '--status', 'stuck', '--caller', callerId, '--callee', calleeId, '--older-than', '1s', '--json'],
  ],
};
