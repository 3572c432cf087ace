import type { CatalogueEvent } from './event.ts';

export type Line = Pick<CatalogueEvent, 'level' | 'message'>;

/** Level and message of the ledger's events, apart from their fields: an agent need not load zod to log one. */
export const ledgerLines = {
  'ledger.insert_failed': { level: 'error', message: 'Delegation not recorded' },
  'ledger.heartbeat_failed': { level: 'error', message: 'Heartbeat not recorded' },
  'ledger.row_missing': { level: 'warn', message: 'Heartbeat for a delegation that is not in the ledger' },
  'ledger.transition_refused': { level: 'warn', message: 'Transition refused: statuses only go forward' },
  'ledger.late_result': {
    level: 'warn',
    message: 'Result refused by the status of its delegation; recorded in its activity',
  },
  'ledger.orphan_update': {
    level: 'warn',
    message: 'Update for a delegation that is not in the ledger; recorded in the activity',
  },
  'ledger.a2a_failed': { level: 'error', message: 'What an A2A task says of its delegation was not recorded' },
  'ledger.watch_failed': { level: 'warn', message: 'A watch could not look for changes; it goes on when it can' },
  'ledger.changes_repeated': {
    level: 'warn',
    message: 'The database went back in time: changes that it had confirmed were repeated',
  },
} as const satisfies Record<string, Line>;
