import * as z from 'zod';
import { damageKinds } from './damage-kinds.ts';
import { event } from './event.ts';
import { count, delegationId, err, milliseconds, text } from './fields.ts';

const runId = text('identifies the run; the same in all of its events');
const trigger = z.enum(['cron', 'manual']).describe('what started it: the night, or the command line');
const damage = z.enum(damageKinds).describe('what was wrong, as in docs/operating.md');

export const reconcileEvents = {
  'delegation.healed': event(
    'warn',
    'A delegation and its activity disagreed; they agree again',
    z.strictObject({
      runId,
      delegationId,
      kind: damage,
      outcome: z
        .enum(['healed', 'recorded'])
        .describe('healed: they agree; recorded: a result that the row can no longer take is a late result now'),
      fromStatus: text('status of the row, or in the activity, before; null: there was none').nullable(),
      toStatus: text('status that it has now; of what was recorded, the one that the result asked for').nullable(),
    }),
  ),
  'delegation.not_healed': event(
    'warn',
    'A delegation and its activity disagree, and the reconciler could not help',
    z.strictObject({
      runId,
      delegationId,
      kind: damage.nullable().describe('what is wrong; null where it could not be judged'),
      why: z
        .enum(['impossible', 'locked', 'failed'])
        .describe(
          'impossible: no activity names the caller, said once; locked: by another session, left to the next run; failed: the database refused it',
        ),
      err: err.nullable(),
    }),
  ),
  'reconcile.progress': event(
    'info',
    'Comparing delegations with their activity',
    z.strictObject({
      runId,
      delegations: count('looked at so far'),
      activities: count('looked at so far, for rows that are missing'),
      healed: count('damages healed so far'),
    }),
  ),
  'reconcile.completed': event(
    'info',
    'All delegations were compared with their activity',
    z.strictObject({
      runId,
      trigger,
      delegations: count('looked at'),
      activities: count('looked at, for rows that are missing'),
      rowsMissing: count('rows that were made again'),
      rowsBehind: count('rows that moved on to what their activity says'),
      activitiesMissing: count('rows whose change of status had no activity'),
      endedTwice: count('other results in the activity that became late results'),
      orphanResults: count('results that had come while there was no row'),
      impossible: count('delegations that cannot be made again, without those of earlier runs'),
      locked: count('delegations that other sessions keep locked'),
      failed: count('delegations whose healing the database refused'),
      interrupted: z.boolean().describe('it was ended early; the next run begins anew'),
      durationMs: milliseconds('of the run'),
    }),
  ),
  'reconcile.failed': event(
    'error',
    'Delegations could not be compared with their activity',
    z.strictObject({
      runId,
      trigger,
      err,
      durationMs: milliseconds('until it failed'),
      retryable: z.boolean().describe('true: trying again may succeed; false: an operator has to act'),
    }),
  ),
} as const;
