import type { JobWithMetadata } from 'pg-boss';
import type { Boss, BossWork } from '../../jobs/boss.ts';
import type { SweepTrigger } from '../summary.ts';
import type { Sweeper } from '../sweeper.ts';
import type { EmptySweep } from './empty-sweep.ts';
import { retrying } from './retrying.ts';
import type { SweepJob } from './sweep-queue.ts';

/** How long a queued sweep may wait for this worker; a shorter time costs an idle daemon more queries. */
export const POLL_SECONDS = 4;

/**
 * Starts to run the queue's sweeps, one at a time, until the signal aborts. `instead` does without a job's worker what its sweep would do;
 * false: it takes a whole sweep. @throws the database's error.
 */
export async function workSweeps(
  boss: Boss,
  queue: string,
  sweeper: Sweeper,
  { signal, instead }: { readonly signal: AbortSignal; readonly instead?: EmptySweep['sweep'] | undefined },
): Promise<void> {
  const work: BossWork = (options) =>
    boss.pgBoss.work<SweepJob>(queue, { ...options, includeMetadata: true }, ([job]) =>
      runSweep(job as JobWithMetadata<SweepJob>, sweeper, signal),
    );
  const withoutWorker = instead && ((data: unknown) => instead(triggerOf(data as SweepJob | null)));
  await boss.work(queue, { pollSeconds: POLL_SECONDS, instead: withoutWorker }, work);
}

/** One job: sweeps, and tries again while the fault looks temporary. */
async function runSweep(job: JobWithMetadata<SweepJob>, sweeper: Sweeper, stopped: AbortSignal): Promise<void> {
  // pg-boss aborts the job's own signal when the job has expired or another replica has taken it.
  const signal = AbortSignal.any([job.signal, stopped]);
  await retrying(async () => {
    await sweeper.sweep({ trigger: triggerOf(job.data), signal });
    // The sweep was interrupted: a failed job is taken by another replica at once, which does the rest.
    signal.throwIfAborted();
  }, signal);
}

function triggerOf(data: SweepJob | null): SweepTrigger {
  return data?.trigger ?? 'cron';
}
