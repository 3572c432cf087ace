import { z } from 'zod';
import { event } from './event.ts';
import { callerId, count, delegationId, err, text } from './fields.ts';

const from = text('status that it has, and keeps');
const attempted = text('status that was asked for');

/** What the ledger could not do as it was asked, in the process of the caller. */
export const ledgerEvents = {
  'ledger.insert_failed': event('error', 'Delegation not recorded', z.strictObject({ delegationId, callerId, err })),
  'ledger.heartbeat_failed': event(
    'error',
    'Heartbeat not recorded',
    z.strictObject({
      delegationId: text('the delegation; the first one of a call with many'),
      count: count('delegations in the call'),
      err,
    }),
  ),
  'ledger.row_missing': event(
    'warn',
    'Heartbeat for a delegation that the ledger does not hold',
    z.strictObject({ delegationId }),
  ),
  'ledger.transition_refused': event(
    'warn',
    'Transition refused: statuses only go forward',
    z.strictObject({ delegationId, from, to: attempted }),
  ),
  'ledger.late_result': event(
    'warn',
    'Result that the delegation could not take; recorded in its activity',
    z.strictObject({ delegationId, from, attempted }),
  ),
  'ledger.orphan_update': event(
    'warn',
    'Update for a delegation that the ledger does not hold; recorded in the activity',
    z.strictObject({ delegationId, attempted }),
  ),
  'ledger.told_again': event(
    'warn',
    'The database went back in time: what the ledger had confirmed was told again',
    z.strictObject({
      told: count('delegations whose begin or end was told again'),
      changed: count('of those, delegations that the ledger had forgotten'),
      due: count('delegations that are still to be told; tried again'),
      err: err.nullable(),
    }),
  ),
} as const;
