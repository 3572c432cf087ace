import type { LedgerDb } from '../../db/schema.ts';
import type { Boss } from '../../jobs/boss.ts';
import { ledgerQueue } from '../../jobs/ledger-queue.ts';
import { RecurringJob } from '../../jobs/recurring-job.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Availability } from '../../outage/availability.ts';
import { Reconciliation } from './reconciliation.ts';

/** The queue of the ledger in the schema `public`. */
export const RECONCILE_QUEUE = 'delegation-reconcile';

/** Each night, in UTC, and not at a full hour, at which others schedule their work. */
const RECONCILE_CRON = '37 3 * * *';

export interface ReconcileJobServices {
  readonly db: LedgerDb;
  readonly log: EventLog;
  readonly boss: Boss;
  readonly availability: Availability;
}

/**
 * Reconciles the ledger each night, one run at a time over all replicas. A run that a stop or the death of its replica cuts
 * off begins anew, on another replica or after the restart: what it healed is healed.
 */
export function reconcileJob({ db, log, boss, availability }: ReconcileJobServices, dbSchema: string): RecurringJob {
  const reconciliation = new Reconciliation(db, log);
  return new RecurringJob(boss, availability, {
    queue: ledgerQueue(RECONCILE_QUEUE, dbSchema),
    cron: RECONCILE_CRON,
    async run(signal) {
      await reconciliation.run({ trigger: 'cron', signal, restful: true });
    },
  });
}
