import { ledgerQueue } from '../../jobs/ledger-queue.ts';

/** The queue of the ledger in the schema `public`: the name in the documentation, and the one that other programs use. */
export const SWEEP_QUEUE = 'delegation-sweep';

/** The queue of the sweeps of the ledger in this schema. */
export function sweepQueue(dbSchema: string): string {
  return ledgerQueue(SWEEP_QUEUE, dbSchema);
}
