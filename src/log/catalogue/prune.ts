import * as z from 'zod';
import { event } from './event.ts';
import { count, delegationId, err, instant, milliseconds } from './fields.ts';

const trigger = z.enum(['cron', 'manual']).describe('what started the prune: its schedule, or the command line');
const delegations = count('delegations that were removed');
const activity = count('rows of their activity, and of other activity, that were removed');

export const pruneEvents = {
  'prune.completed': event(
    'info',
    'What the retention no longer keeps was removed',
    z.strictObject({
      trigger,
      delegations,
      activity,
      skipped: count(
        'delegations that were due and are left to the next prune: locked, or something was recorded meanwhile',
      ),
      refused: count('ids whose removal the database refused'),
      batches: count('transactions'),
      durationMs: milliseconds('of the prune'),
      interrupted: z
        .boolean()
        .describe('it ended before all that is due was looked at: the next prune goes on from there'),
      delegationsBefore: instant(
        'delegations that ended before this were due; null: RETENTION_DELEGATIONS is not set',
      ).nullable(),
      activityBefore: instant('activity was due of which nothing is newer than this'),
    }),
  ),
  'prune.refused': event(
    'warn',
    "The database refused to remove rows that are due: a foreign key or a trigger that is not the ledger's",
    z.strictObject({ refused: count('ids whose removal it refused'), delegationId, err }),
  ),
  'prune.failed': event(
    'error',
    'A prune failed',
    z.strictObject({
      trigger,
      delegations,
      activity,
      err,
      durationMs: milliseconds('until it failed'),
      retryable: z.boolean().describe('whether it is tried again soon, and not only when it is due again'),
    }),
  ),
  'prune.progress': event(
    'info',
    'Removing what the retention no longer keeps, or counting it',
    z.strictObject({ delegations: count('delegations so far'), activity: count('rows of activity so far') }),
  ),
} as const;
