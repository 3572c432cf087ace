import * as z from 'zod';
import type { RetryTotals } from '../../../src/cli/retry-totals.ts';
import { statuses } from '../../../src/index.ts';
import type { RetryRow } from '../../../src/sweeper/retries/many-retries.ts';
import { type Answer, count, embeddedDatabase, type Written } from './answer.ts';

const row = z.object({
  retryOf: z.string().meta({ description: 'The delegation that is tried again.' }),
  outcome: z.enum(['inserted', 'duplicate', 'refused', 'missing', 'failed']).meta({
    description:
      'inserted: by a new delegation. duplicate: it was tried again before. refused: it is open or completed, or a result came late and it was not named by its id. missing: unknown. failed: the database refused it, see err.',
  }),
  delegationId: z
    .string()
    .nullable()
    .meta({ description: 'The delegation that tries it again; null before it is made.' }),
  attempt: z.int().positive().nullable().meta({ description: 'Which attempt that is.' }),
  status: z.enum(statuses).nullable().meta({ description: 'Of retryOf; null where it is unknown.' }),
  lateResult: z.boolean().meta({ description: 'A result of retryOf came late: look at it.' }),
  err: z.object({ code: z.string().nullable(), message: z.string() }).nullable(),
}) satisfies z.ZodType<Written<RetryRow>>;

const schema = z
  .object({
    dryRun: z.boolean(),
    rows: z.array(row),
    inserted: count,
    duplicate: count,
    refused: count,
    missing: count,
    failed: count,
    interrupted: z.boolean().meta({ description: 'It was ended between two batches, and the rest was left.' }),
    database: embeddedDatabase,
  })
  .meta({ description: 'What was tried again, or would have been.' }) satisfies z.ZodType<Written<RetryTotals>>;

export const answer: Answer = {
  schema,
  invocations: ({ stuckId, calleeId, completedId }) => [
    ['retry', stuckId, completedId, 'unknown', '--dry-run', '--json'],
    ['retry', stuckId, '--json'],
    ['retry', '--callee', calleeId, '--since', '1h', '--json'],
    ['retry', '--sweep', 'unknown', '--json'],
  ],
};
