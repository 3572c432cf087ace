import { setTimeout as sleep } from 'node:timers/promises';
import type { JobWithMetadata, PgBoss } from 'pg-boss';
import { isRetryable } from '../../db/sqlstate.ts';
import { backoffMs } from '../../lifecycle/backoff.ts';
import type { Sweeper } from '../sweeper.ts';
import type { SweepJob } from './sweep-queue.ts';

/** How long a queued sweep may wait for this worker; a shorter time costs an idle daemon more queries. */
const POLL_SECONDS = 2;
/** A sweep that met a temporary fault is tried again in the same job, with growing, jittered waits of up to five seconds. */
const SWEEP_ATTEMPTS_MAX = 5;
const sweepBackoff = { baseMs: 250, maxMs: 5_000 };

/** Starts to run the queue's sweeps, one at a time, until the signal aborts. @throws the database's error. */
export async function workSweeps(boss: PgBoss, queue: string, sweeper: Sweeper, signal: AbortSignal): Promise<void> {
  const options = { pollingIntervalSeconds: POLL_SECONDS, includeMetadata: true } as const;
  await boss.work<SweepJob>(queue, options, ([job]) => runSweep(job as JobWithMetadata<SweepJob>, sweeper, signal));
}

/** One job: sweeps, and tries again while the fault looks temporary. */
async function runSweep(job: JobWithMetadata<SweepJob>, sweeper: Sweeper, stopped: AbortSignal): Promise<void> {
  // pg-boss aborts the job's own signal when the job has expired or another replica has taken it.
  const signal = AbortSignal.any([job.signal, stopped]);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await sweeper.sweep({ trigger: job.data?.trigger ?? 'cron', signal });
      // The sweep was interrupted: a failed job is taken by another replica at once, which does the rest.
      signal.throwIfAborted();
      return;
    } catch (err) {
      if (signal.aborted || !isRetryable(err) || attempt >= SWEEP_ATTEMPTS_MAX) throw err;
      await sleep(backoffMs(attempt, sweepBackoff), undefined, { signal });
    }
  }
}
