import * as z from 'zod';
import type { Healing } from '../../../src/housekeeping/reconciliation/healing.ts';
import type { ReconcileSummary } from '../../../src/housekeeping/reconciliation/reconcile-summary.ts';
import { statuses } from '../../../src/index.ts';
import { type Answer, count, embeddedDatabase, type Written } from './answer.ts';

const row = z.object({
  delegationId: z.string(),
  kind: z
    .enum(['row_missing', 'row_behind', 'activity_missing', 'ended_twice', 'orphan_result'])
    .nullable()
    .meta({ description: 'What was wrong; null where it could not be judged.' }),
  outcome: z.enum(['healed', 'recorded', 'impossible', 'locked', 'failed']).meta({
    description:
      'healed: row and activity agree. recorded: a result that the row can no longer take is a late result. impossible: no activity names its caller. locked: by another session, left to the next run. failed: the database refused it, see err.',
  }),
  from: z.enum(statuses).nullable().meta({ description: 'The status of the row, or in the activity, before.' }),
  to: z
    .enum(statuses)
    .nullable()
    .meta({ description: 'The status that it has now; of what was recorded, the one that the result asked for.' }),
  err: z.object({ code: z.string().nullable(), message: z.string() }).nullable(),
}) satisfies z.ZodType<Written<Healing>>;

const schema = z
  .object({
    dryRun: z.boolean(),
    rows: z.array(row),
    delegations: count.meta({ description: 'Looked at.' }),
    activities: count.meta({ description: 'Looked at, for rows that are missing.' }),
    rowsMissing: count.meta({ description: 'Of kind row_missing; so for the next four.' }),
    rowsBehind: count,
    activitiesMissing: count,
    endedTwice: count,
    orphanResults: count,
    impossible: count,
    locked: count,
    failed: count,
    interrupted: z.boolean().meta({ description: 'It was ended between two batches, and the rest was left.' }),
    database: embeddedDatabase,
  })
  .meta({ description: 'What was healed, or would have been.' }) satisfies z.ZodType<Written<ReconcileSummary>>;

export const answer: Answer = {
  schema,
  invocations: () => [
    ['reconcile', '--dry-run', '--json'],
    ['reconcile', '--json'],
  ],
};
