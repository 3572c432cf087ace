import { setTimeout as sleep } from 'node:timers/promises';
import type { JobWithMetadata, PgBoss } from 'pg-boss';
import { isRetryable } from '../../db/sqlstate.ts';
import { backoffMs } from '../../lifecycle/backoff.ts';
import type { Sweeper } from '../sweeper.ts';
import type { SweepJob } from './sweep-queue.ts';

/** How long a queued sweep may wait for this worker to look: an idle daemon's queries. */
const POLL_SECONDS = 2;
/** A sweep that met a passing fault is tried again in the same job, with growing, jittered waits of up to five seconds. */
const SWEEP_ATTEMPTS_MAX = 5;
const sweepBackoff = { baseMs: 250, maxMs: 5_000 };

/** Runs the queue's sweeps, one at a time, until the signal aborts. Throws the database's error. */
export async function workSweeps(boss: PgBoss, queue: string, sweeper: Sweeper, signal: AbortSignal): Promise<void> {
  const options = { pollingIntervalSeconds: POLL_SECONDS, includeMetadata: true } as const;
  await boss.work<SweepJob>(queue, options, ([job]) => runSweep(job as JobWithMetadata<SweepJob>, sweeper, signal));
}

/** One job: sweeps, and tries again while the fault looks like a passing one. */
async function runSweep(job: JobWithMetadata<SweepJob>, sweeper: Sweeper, stopped: AbortSignal): Promise<void> {
  // The job's own signal: pg-boss aborts it when the claim is lost, to an expiry or to another replica.
  const signal = AbortSignal.any([job.signal, stopped]);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await sweeper.sweep({ trigger: job.data?.trigger ?? 'cron', signal });
      // Not finished but interrupted: failing the job hands the rest to another replica at once.
      signal.throwIfAborted();
      return;
    } catch (err) {
      if (signal.aborted || !isRetryable(err) || attempt >= SWEEP_ATTEMPTS_MAX) throw err;
      await sleep(backoffMs(attempt, sweepBackoff), undefined, { signal });
    }
  }
}
