import type { LedgerDb } from '../../db/schema.ts';
import type { Boss } from '../../jobs/boss.ts';
import { ledgerQueue } from '../../jobs/ledger-queue.ts';
import { RecurringJob } from '../../jobs/recurring-job.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Availability } from '../../outage/availability.ts';
import { isRetentionOn, type RetentionPeriods } from './cutoffs.ts';
import { Pruner } from './pruner.ts';

/** The queue of the ledger in the schema `public`. */
export const PRUNE_QUEUE = 'delegation-prune';

/** Every hour, and not at its full minute, at which others schedule their work. */
const PRUNE_CRON = '23 * * * *';
/** A run that takes longer ends, and the next one goes on: after the first start with a retention there may be years to remove. */
const RUN_MAX_MS = 50 * 60_000;

export interface PruneJobOptions extends RetentionPeriods {
  readonly dbSchema: string;
}

/** Prunes the ledger every hour, one prune at a time over all replicas. Without a retention it takes the schedule away. */
export function pruneJob(
  { db, log, boss, availability }: { db: LedgerDb; log: EventLog; boss: Boss; availability: Availability },
  { dbSchema, ...periods }: PruneJobOptions,
): RecurringJob {
  const pruner = new Pruner(db, log);
  return new RecurringJob(boss, availability, {
    queue: ledgerQueue(PRUNE_QUEUE, dbSchema),
    cron: isRetentionOn(periods) ? PRUNE_CRON : null,
    async run(signal) {
      await pruner.prune(await pruner.cutoffs(periods), { trigger: 'cron', signal, endAfterMs: RUN_MAX_MS });
    },
  });
}
