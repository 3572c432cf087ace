import type { JobResult, JobWithMetadata, PgBoss } from 'pg-boss';
import { Slots } from '../lifecycle/slots.ts';
import { type Envelope, envelopeOf } from './envelope.ts';
import type { PostReports } from './post-reports.ts';
import type { Poster, PostOutcome } from './poster.ts';
import type { WebhookQueues } from './webhook-queues.ts';

/** Posts at once: one that takes ten seconds holds up none of the others. */
const POSTS_MAX = 16;

export interface DeliveryParts {
  readonly boss: PgBoss;
  readonly queues: WebhookQueues;
  readonly poster: Poster;
  readonly reports: PostReports;
  /** Whether an event is of this ledger: ledgers that share pg-boss's schema get one another's. */
  readonly isOwn: (source: string) => boolean;
}

/** Posts a batch of jobs, each on its own, and says what became of each. pg-boss retries, and keeps the dead letters. */
export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #slots = new Slots(POSTS_MAX);

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** When the signal aborts, posts that have begun go on to their end, and the other jobs are given back. */
  async deliver(jobs: readonly JobWithMetadata<unknown>[], signal: AbortSignal): Promise<JobResult[]> {
    const results = await Promise.all(jobs.map((job) => this.#deliverOne(job, signal)));
    const done = results.filter((result) => result !== null);
    const left = jobs.filter((_, index) => results[index] === null);
    // Where the database is away they count as failed, and are tried again later: what was delivered is not to be posted again.
    await this.#parts.queues.handBack(left.map(({ id }) => id)).catch(() => {});
    return done;
  }

  /** Null: not begun. */
  async #deliverOne(job: JobWithMetadata<unknown>, signal: AbortSignal): Promise<JobResult | null> {
    const giveBack = await this.#slots.take(signal).catch(() => null);
    if (giveBack === null) return null;
    try {
      const envelope = envelopeOf(job.data);
      if (envelope === null) return { id: job.id, status: 'deadletter', output: { reason: 'no_event' } };
      if (!envelope.events.every(({ source }) => this.#parts.isOwn(source))) return await this.#dropped(job);
      const outcome = await this.#parts.poster.post(envelope);
      return await this.#settled(job, envelope, outcome);
    } finally {
      giveBack();
    }
  }

  /** Of another ledger: nothing was delivered, so it leaves no trace. Where this fails the job counts as done. */
  async #dropped({ id }: JobWithMetadata<unknown>): Promise<JobResult> {
    const { boss, queues } = this.#parts;
    await boss.deleteJob(queues.names.webhook, id).catch(() => {});
    return { id, status: 'completed' };
  }

  async #settled(job: JobWithMetadata<unknown>, envelope: Envelope, outcome: PostOutcome): Promise<JobResult> {
    const { delivered, reason, status, isGone, retryAfterMs } = outcome;
    const attempt = job.retryCount + 1;
    const isLast = isGone || job.retryCount >= job.retryLimit;
    this.#parts.reports.report({ envelope, outcome, attempt, isLast });
    if (delivered) return { id: job.id, status: 'completed' };
    const output = { reason, status, attempt };
    if (isLast) return { id: job.id, status: 'deadletter', output };
    if (retryAfterMs !== null) await this.#failUntil(job, output, retryAfterMs).catch(() => {});
    return { id: job.id, status: 'failed', output };
  }

  /**
   * Fails the attempt here, so that what pg-boss chose for the next one can be moved later; what it then does with the
   * result finds nothing to do. Where this fails, pg-boss's own delay stands.
   */
  async #failUntil(job: JobWithMetadata<unknown>, output: object, delayMs: number): Promise<void> {
    const { boss, queues } = this.#parts;
    const { webhook } = queues.names;
    await boss.fail(webhook, { id: job.id, retryCount: job.retryCount }, output);
    const failed = await boss.getJobById(webhook, job.id);
    const chosenMs = failed === null ? Number.POSITIVE_INFINITY : new Date(failed.startAfter).getTime() - Date.now();
    if (delayMs <= chosenMs) return;
    await boss.update(webhook, undefined, { id: job.id, startAfter: Math.ceil(delayMs / 1000) });
  }
}
