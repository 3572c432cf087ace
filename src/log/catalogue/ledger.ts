import * as z from 'zod';
import { callerId, count, delegationId, err, milliseconds, text } from './fields.ts';
import { ledgerLines } from './ledger-lines.ts';

const from = text('status that the delegation has and keeps');
const attempted = text('status that was requested');

/** Events of the ledger library, logged in the caller's process: what it could not do as requested. */
export const ledgerEvents = {
  'ledger.insert_failed': {
    ...ledgerLines['ledger.insert_failed'],
    fields: z.strictObject({
      delegationId: text('the delegation; the first one of a call with many'),
      callerId,
      count: count('delegations of the call that failed'),
      err,
    }),
  },
  'ledger.heartbeat_failed': {
    ...ledgerLines['ledger.heartbeat_failed'],
    fields: z.strictObject({
      delegationId: text('the delegation; the first one of a call with many'),
      count: count('delegations in the call'),
      err,
    }),
  },
  'ledger.row_missing': { ...ledgerLines['ledger.row_missing'], fields: z.strictObject({ delegationId }) },
  'ledger.transition_refused': {
    ...ledgerLines['ledger.transition_refused'],
    fields: z.strictObject({ delegationId, from, to: attempted }),
  },
  'ledger.late_result': {
    ...ledgerLines['ledger.late_result'],
    fields: z.strictObject({ delegationId, from, attempted }),
  },
  'ledger.orphan_update': {
    ...ledgerLines['ledger.orphan_update'],
    fields: z.strictObject({ delegationId, attempted }),
  },
  'ledger.a2a_failed': {
    ...ledgerLines['ledger.a2a_failed'],
    fields: z.strictObject({
      delegationId,
      step: text('what was to be recorded: its task, or what its task did'),
      err,
    }),
  },
  'ledger.watch_failed': {
    ...ledgerLines['ledger.watch_failed'],
    fields: z.strictObject({ retryInMs: milliseconds('until it looks again; logged once per outage'), err }),
  },
  'ledger.changes_repeated': {
    ...ledgerLines['ledger.changes_repeated'],
    fields: z.strictObject({
      repeated: count('delegations whose start or end was repeated'),
      changed: count('of these, delegations whose status the database had lost'),
      remaining: count('delegations whose repetition failed or was not reached; retried later'),
      err: err.nullable(),
    }),
  },
} as const;
