import * as z from 'zod';
import type { PruneSummary } from '../../../src/housekeeping/retention/prune-summary.ts';
import { type Answer, count, embeddedDatabase, milliseconds, type Written } from './answer.ts';

const schema = z
  .object({
    dryRun: z.boolean(),
    delegations: count.meta({ description: 'Delegations that were removed, or would be.' }),
    activity: count.meta({ description: 'Rows of activity that were removed, or would be.' }),
    skipped: count.meta({
      description: 'Delegations that were due and stay for now: locked, or something was recorded of them meanwhile.',
    }),
    refused: count.meta({ description: 'Ids whose removal the database refused: the exit code is 1.' }),
    refusal: z
      .object({
        delegationId: z.string(),
        err: z.object({ code: z.string().nullable(), message: z.string() }),
      })
      .nullable()
      .meta({ description: 'The first of these.' }),
    batches: count.meta({ description: 'Transactions that removed something.' }),
    durationMs: milliseconds,
    interrupted: z.boolean().meta({ description: 'It was ended between two batches, and the rest was left.' }),
    delegationsBefore: z.iso.datetime().nullable().meta({
      description: 'Delegations that ended before this were due; null: RETENTION_DELEGATIONS is not set.',
    }),
    activityBefore: z.iso.datetime().meta({ description: 'Activity was due of which nothing is newer than this.' }),
    database: embeddedDatabase,
  })
  .meta({ description: 'What the retention removed, or would have removed.' }) satisfies z.ZodType<
  Written<PruneSummary>
>;

export const answer: Answer = {
  schema,
  invocations: () => [
    ['prune', '--dry-run', '--json'],
    ['prune', '--yes', '--json'],
  ],
};
