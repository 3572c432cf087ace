import { z } from 'zod';
import { event } from './event.ts';
import {
  callees,
  count,
  delegationId,
  err,
  instant,
  milliseconds,
  rule,
  session,
  sweepId,
  text,
  trigger,
} from './fields.ts';

export const sweepEvents = {
  'sweep.completed': event(
    'info',
    'Sweep completed',
    z.strictObject({
      sweepId,
      trigger,
      stuck: count('delegations marked stuck'),
      failed: count('delegations failed for their deadline'),
      poisoned: count('rows whose update raises, left as they are'),
      remaining: count('rows that still match a rule, counted to 10,000 at most'),
      truncated: z
        .boolean()
        .describe(
          'it ended before its rows did: SWEEP_MAX_ROWS used up, interrupted or superseded; the next sweep goes on',
        ),
      held: z.boolean().describe('the storm guard held the stale rule'),
      batches: count('transactions that changed rows'),
      durationMs: milliseconds('of the sweep'),
      unobservedMs: milliseconds('unobserved time that did not count as silence'),
      oldestSilenceMs: milliseconds('longest silence among the marked; null when none was marked').nullable(),
      callees,
    }),
  ),
  'sweep.held': event(
    'error',
    'Storm guard holds the stale rule: too many delegations went silent at once',
    z.strictObject({
      sweepId,
      stale: count('rows that would have been marked'),
      inFlight: count('delegations in progress, counted to a million at most'),
      ratio: z.number().min(0).max(1).describe('share of inFlight that fell silent together, stale or nearly so'),
      callees,
      heldForMs: milliseconds('since this hold began'),
      releasesInMs: milliseconds('until STORM_MAX_HOLD ends the hold'),
      by: z.enum(['storm', 'operator']).describe('who holds: the storm guard, or somebody by hand'),
      reason: z.string().nullable().describe('what an operator gave as the reason; null for the storm guard'),
    }),
  ),
  'sweep.released': event(
    'warn',
    'A hold of the stale rule has ended, or was passed over for one sweep',
    z.strictObject({
      sweepId,
      why: z
        .enum(['calm', 'max_hold', 'forced', 'operator'])
        .describe('over, or only what is dead is left; STORM_MAX_HOLD passed; sweep --force; ended by hand'),
      heldForMs: milliseconds('since the hold began'),
      stale: count('rows past the threshold'),
      inFlight: count('delegations in progress, counted to a million at most'),
    }),
  ),
  'sweep.unobserved': event(
    'warn',
    'No daemon watched for a while; the gap does not count as silence',
    z.strictObject({
      gapStart: instant('last beat before the gap'),
      gapEnd: instant('first beat after it'),
      gapMs: milliseconds('length of the gap'),
    }),
  ),
  'sweep.refused': event(
    'error',
    'Nobody is marked here: silence cannot be judged',
    z.strictObject({
      sweepId,
      trigger,
      reason: z
        .enum(['standby', 'read_only', 'rows_hidden', 'heartbeats_refused'])
        .describe('what stands against it: the last two are row level security on delegations'),
      remedy: text('what to do about it'),
    }),
  ),
  'sweep.failed': event(
    'error',
    'Sweep failed',
    z.strictObject({
      sweepId,
      trigger,
      err,
      retryable: z.boolean().describe('true: it is tried again unchanged; false: it needs somebody'),
    }),
  ),
  'sweep.tick_missed': event(
    'warn',
    'No sweep came when one was due; the daemon asked for it itself',
    z.strictObject({
      dueAt: instant("occurrence of SWEEP_CRON, by the database's clock"),
      lateMs: milliseconds('for which no sweep had begun by then, above what a tick may take'),
    }),
  ),
  'sweep.report_failed': event(
    'warn',
    'What a sweep looks up or reports beside its work failed; the sweep itself went on',
    z.strictObject({
      sweepId,
      report: z
        .enum([
          'unsettled',
          'suspects',
          'lost_stamps',
          'poisoned',
          'healed',
          'row_locked',
          'snapshot_held',
          'daily',
          'superseded',
          'pruning',
        ])
        .describe(
          'before its work: batches of an earlier sweep whose commit got no answer (`unsettled`), poisoned rows to try again ' +
            '(`suspects`), heartbeats without or from the future (`lost_stamps`); after it: `poisoned`, `healed` and `row_locked` rows, an old snapshot (`snapshot_held`), the ' +
            '`daily` figures, which sweep `superseded` it; the `pruning` of what was logged long ago',
        ),
      err,
    }),
  ),
  'sweep.stamps_taken_back': event(
    'warn',
    'Heartbeats that were missing or lay in the future were taken back to the clock',
    z.strictObject({
      sweepId,
      count: count('delegations in progress whose last_heartbeat was NULL or in the future'),
      delegationIds: z.array(z.string()).describe('of these, the first twenty'),
    }),
  ),
  'sweep.poisoned': event(
    'error',
    'A row cannot be updated; the sweep goes on without it',
    z.strictObject({ sweepId, rule, delegationId, err }),
  ),
  'sweep.row_locked': event(
    'warn',
    'A row past its threshold is kept locked by another session',
    z.strictObject({ sweepId, delegationId, rule, ...session }),
  ),
  'sweep.snapshot_held': event(
    'warn',
    'An old snapshot keeps dead index entries from being removed; sweeps get slower until it ends',
    z.strictObject(session),
  ),
  'sweep.superseded': event(
    'info',
    'Another sweep took the lease over; this one ended after its batch',
    z.strictObject({ sweepId, bySweepId: text('the sweep that holds the lease now') }),
  ),
  'ledger.daily': event(
    'info',
    'False positives of the last day',
    z.strictObject({
      marked: count('delegations marked stuck'),
      lateResults: count('of these, how many still delivered a result'),
      lateResultRatio: z
        .number()
        .min(0)
        .max(1)
        .nullable()
        .describe('lateResults / marked, the measured false-positive rate; null when none was marked'),
      windowMs: milliseconds('length of the window counted'),
    }),
  ),
} as const;
