import * as z from 'zod';
import type { SweepSummary } from '../../../src/sweeper/summary.ts';
import { type Answer, count, embeddedDatabase, milliseconds, type Written } from './answer.ts';

const planned = z.union([
  z.object({
    delegationId: z.string(),
    rule: z.enum(['stale', 'stalled']),
    silentMs: milliseconds,
    asked: z
      .literal(true)
      .exactOptional()
      .meta({ description: 'Its agent is asked first, and may keep it from being marked.' }),
    retried: z
      .literal(true)
      .exactOptional()
      .meta({ description: 'It would be tried again in the same transaction: RETRY_MAX_ATTEMPTS.' }),
  }),
  z.object({ delegationId: z.string(), rule: z.literal('overdue'), overdueMs: milliseconds }),
]);

const schema = z
  .object({
    sweepId: z.string(),
    stuck: count.meta({ description: 'Delegations marked stuck, for silence or for lack of progress.' }),
    failed: count.meta({ description: 'Delegations failed for their deadline.' }),
    retried: count.meta({ description: 'Of those marked stuck, those tried again: RETRY_MAX_ATTEMPTS.' }),
    poisoned: count.meta({ description: 'Rows whose update raises an error.' }),
    remaining: count.meta({ description: 'What still matches a rule at the end, counted to 10000 at most.' }),
    truncated: z.boolean().meta({ description: 'Rows are left that only another sweep will look at.' }),
    held: z.boolean().meta({ description: 'The rules that infer silence were held.' }),
    heldBy: z.enum(['storm', 'operator']).nullable().meta({
      description: 'Who held them, the storm guard or an operator; where both did, the operator.',
    }),
    batches: count,
    durationMs: milliseconds,
    unobservedMs: milliseconds.meta({ description: 'Unobserved time, which did not count as silence.' }),
    dryRun: z.boolean(),
    rows: z.array(planned).meta({ description: 'What a dry run would have marked; empty after a sweep.' }),
    database: embeddedDatabase,
  })
  .meta({ description: 'What one sweep did, or would have done.' }) satisfies z.ZodType<Written<SweepSummary>>;

export const answer: Answer = {
  schema,
  invocations: () => [
    ['sweep', '--dry-run', '--json'],
    ['sweep', '--json'],
  ],
};
