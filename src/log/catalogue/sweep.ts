import * as z from 'zod';
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
      failed: count('delegations marked failed for their deadline'),
      retried: count('of those marked stuck, those that it tried again (RETRY_MAX_ATTEMPTS)'),
      poisoned: count('rows whose update raises an error, left unchanged'),
      remaining: count('rows that still match a rule, counted to 10,000 at most'),
      truncated: z
        .boolean()
        .describe(
          'it ended before all rows were processed: SWEEP_MAX_ROWS reached, interrupted or superseded; the next sweep continues',
        ),
      held: z.boolean().describe('the storm guard or an operator held the rules stale and stalled'),
      batches: count('transactions that changed rows'),
      durationMs: milliseconds('of the sweep'),
      unobservedMs: milliseconds('unobserved time that did not count as silence'),
      oldestSilenceMs: milliseconds('longest silence among the marked; null when none was marked').nullable(),
      callees,
    }),
  ),
  'sweep.held': event(
    'error',
    'The rules stale and stalled are held: too many delegations went silent at once, or an operator holds them',
    z.strictObject({
      sweepId,
      stale: count(
        'rows that would have been marked; null where an operator holds and they could not be counted',
      ).nullable(),
      inFlight: count('delegations in progress, counted to a million at most; null where an operator holds').nullable(),
      ratio: z
        .number()
        .min(0)
        .max(1)
        .describe('share of inFlight that fell silent together, stale or nearly so; null where an operator holds')
        .nullable(),
      callees,
      heldForMs: milliseconds('since this hold began'),
      releasesInMs: milliseconds("until STORM_MAX_HOLD, or the end of the operator's hold, ends it"),
      by: z.enum(['storm', 'operator']).describe('who holds: the storm guard, or an operator'),
      reason: z.string().nullable().describe('the reason that the operator gave; null for the storm guard'),
    }),
  ),
  'sweep.released': event(
    'warn',
    'A hold has ended, or was ignored for one sweep',
    z.strictObject({
      sweepId,
      why: z
        .enum(['calm', 'max_hold', 'forced', 'operator', 'expired'])
        .describe(
          "the storm is over, or only dead agents are left; STORM_MAX_HOLD passed; sweep --force; released by an operator; the time of an operator's hold has passed",
        ),
      heldForMs: milliseconds('since the hold began'),
      stale: count("rows past the threshold; null for an operator's hold").nullable(),
      inFlight: count("delegations in progress, counted to a million at most; null for an operator's hold").nullable(),
      by: z.enum(['storm', 'operator']).describe('who held: the storm guard, or an operator'),
      reason: z.string().nullable().describe('the reason that the operator gave; null for the storm guard'),
    }),
  ),
  'event.not_published': event(
    'error',
    'A queue that subscribes to events did not take some: what they tell was committed, and they are lost for that queue',
    z.strictObject({
      sweepId,
      type: text('the type of the events'),
      queue: z.string().nullable().describe('the queue; null where the subscriptions could not be read'),
      events: count('how many'),
      err,
    }),
  ),
  'event.unserved': event(
    'warn',
    'Citus has the ledger on a node, where pg-boss is not: of these types no event of its is published, and the queues that subscribe get none',
    z.strictObject({
      types: z.array(z.string()).describe('the types of events'),
      queues: z.array(z.string()).describe('the queues that subscribe to them'),
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
    'No delegation is marked stuck: silence cannot be judged on this database',
    z.strictObject({
      sweepId,
      trigger,
      reason: z
        .enum(['standby', 'read_only', 'rows_hidden', 'heartbeats_refused'])
        .describe('why not; the last two are caused by row level security on delegations'),
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
      durationMs: milliseconds('until it failed'),
      retryable: z.boolean().describe('true: trying again may succeed; false: an operator has to act'),
    }),
  ),
  'sweep.tick_missed': event(
    'warn',
    'No sweep began when one was due; the daemon requested it itself',
    z.strictObject({
      dueAt: instant("occurrence of SWEEP_CRON, by the database's clock"),
      lateMs: milliseconds('delay of the sweep beyond what a tick may take'),
    }),
  ),
  'sweep.report_failed': event(
    'warn',
    'A check or a report of a sweep failed; the sweep itself continued',
    z.strictObject({
      sweepId,
      report: z
        .enum([
          'unsettled',
          'suspects',
          'holds',
          'lost_stamps',
          'lowering',
          'probing',
          'poisoned',
          'advice',
          'healed',
          'row_locked',
          'snapshot_held',
          'daily',
          'superseded',
          'folding',
          'pruning',
        ])
        .describe(
          'before its work: batches of an earlier sweep whose commit got no answer (`unsettled`), poisoned rows to try again ' +
            '(`suspects`), what becomes of operators’ `holds`, heartbeats without or from the future (`lost_stamps`), the date of a threshold’s `lowering` that a daemon left undated, an answer of an agent that was asked (`probing`); after it: `poisoned` rows, what its marks add to the `advice`, `healed` and `row_locked` rows, an old snapshot (`snapshot_held`), the ' +
            '`daily` figures, which sweep `superseded` it; the `folding` of sweeps between the ticks into one record; the `pruning` of what was logged long ago',
        ),
      err,
    }),
  ),
  'sweep.stamps_taken_back': event(
    'warn',
    'Heartbeats that were missing or in the future were set to the current time',
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
    'A row that matches a rule is kept locked by another session',
    z.strictObject({ sweepId, delegationId, rule, ...session }),
  ),
  'sweep.snapshot_held': event(
    'warn',
    'An old snapshot prevents the removal of dead index entries; sweeps get slower until it ends',
    z.strictObject(session),
  ),
  'sweep.probes_left': event(
    'warn',
    'More suspects than A2A_PROBE_MAX: the rest wait for the next sweep, unmarked; logged once a minute',
    z.strictObject({
      sweepId,
      asked: count('suspects whose agents this sweep asked'),
      left: count('suspects that it left, of the first thousand of each rule'),
    }),
  ),
  'sweep.superseded': event(
    'info',
    'Another sweep took over the lease; this one ended after its batch',
    z.strictObject({ sweepId, bySweepId: text('the sweep that holds the lease now') }),
  ),
  'advice.sampling_failed': event(
    'warn',
    'What the advice about thresholds rests on could not be gathered; logged once an hour',
    z.strictObject({ err }),
  ),
  'ledger.daily': event(
    'info',
    'False positives of the last day',
    z.strictObject({
      marked: count('delegations marked stuck'),
      lateResults: count('of these, delegations that still delivered a result'),
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
