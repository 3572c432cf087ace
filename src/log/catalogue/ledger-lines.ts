import type { CatalogueEvent } from './event.ts';

export type Line = Pick<CatalogueEvent, 'level' | 'message'>;

/** Level and message of the ledger's events, apart from their fields: an agent need not load zod to log one. */
export const ledgerLines = {
  'ledger.insert_failed': { level: 'error', message: 'Delegation not recorded' },
  'ledger.heartbeat_failed': { level: 'error', message: 'Heartbeat not recorded' },
  'ledger.row_missing': { level: 'warn', message: 'Heartbeat for a delegation that the ledger does not hold' },
  'ledger.transition_refused': { level: 'warn', message: 'Transition refused: statuses only go forward' },
  'ledger.late_result': {
    level: 'warn',
    message: 'Result that the delegation could not take; recorded in its activity',
  },
  'ledger.orphan_update': {
    level: 'warn',
    message: 'Update for a delegation that the ledger does not hold; recorded in the activity',
  },
  'ledger.told_again': {
    level: 'warn',
    message: 'The database went back in time: what the ledger had confirmed was told again',
  },
} as const satisfies Record<string, Line>;
