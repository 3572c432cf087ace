import type { JobWithMetadata, Queue } from 'pg-boss';
import { isRetryable } from '../db/sqlstate.ts';
import type { Service } from '../lifecycle/service.ts';
import type { Availability } from '../outage/availability.ts';
import type { Boss } from './boss.ts';
import { ensureQueue } from './ensure-queue.ts';

export interface RecurringJobOptions {
  /** As ledgerQueue names it: of one ledger. */
  readonly queue: string;
  /** Five fields, in UTC. Null: it does not recur any more, and what an earlier daemon scheduled is removed. */
  readonly cron: string | null;
  /**
   * One run, which logs its failures. The signal aborts when this daemon stops, or another replica has the run. A run that
   * rejects with a fault that may pass is tried again later, by any replica; so is one that the signal cut off, where it
   * goes on. What a person has to change first is tried again when it is due again.
   */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/**
 * How long a run that is due may wait for a worker. Each poll is several queries, an idle daemon may make four a second in
 * all, and nobody waits for such a run. A daemon's first poll is at once.
 */
const POLL_SECONDS = 120;

/** One run at a time over all replicas. The heartbeat shows within seconds that the replica with the run has died. */
const queueOptions = {
  policy: 'exclusive',
  heartbeatSeconds: 10,
  retryLimit: 5,
  retryDelay: 0,
  retryBackoff: false,
  // A day, the longest that pg-boss allows.
  expireInSeconds: 86_400,
  retentionSeconds: 3600,
  deleteAfterSeconds: 3600,
} as const satisfies Omit<Queue, 'name'>;

/**
 * Work that recurs on a ledger: a queue of pg-boss, its schedule and its worker. Occurrences that came due while no daemon
 * ran cause one run; one that comes due during a run causes none.
 */
export class RecurringJob implements Service {
  readonly name: string;
  readonly #boss: Boss;
  readonly #availability: Availability;
  readonly #options: RecurringJobOptions;
  readonly #aborter = new AbortController();
  #starting: Promise<void> | undefined;

  constructor(boss: Boss, availability: Availability, options: RecurringJobOptions) {
    this.name = options.queue;
    this.#boss = boss;
    this.#availability = availability;
    this.#options = options;
  }

  /** Its queue, where it has a schedule. */
  get scheduled(): readonly string[] {
    const { queue, cron } = this.#options;
    return cron === null ? [] : [queue];
  }

  start(): Promise<void> {
    this.#starting ??= this.#availability.until(() => this.#start(), this.#aborter.signal);
    return this.#starting;
  }

  /** A run that is in hand ends where its signal lets it; the Boss waits for it. */
  async stop(): Promise<void> {
    this.#aborter.abort();
    await this.#starting?.catch(() => {});
  }

  /** Creates or corrects the queue and its schedule, as at the start: pg-boss's schema may have been made anew. @throws the database's error. */
  async ensure(): Promise<void> {
    const { queue, cron } = this.#options;
    const { pgBoss } = this.#boss;
    if (cron === null) return pgBoss.unschedule(queue);
    await ensureQueue(pgBoss, queue, queueOptions);
    await pgBoss.schedule(queue, cron, null, { tz: 'UTC', missed: 'once' });
  }

  async #start(): Promise<void> {
    const { queue, cron, run } = this.#options;
    const { pgBoss } = this.#boss;
    await this.ensure();
    if (cron === null) return;
    const stopped = this.#aborter.signal;
    const runOne = async ([job]: JobWithMetadata<unknown>[]) => {
      const signal = AbortSignal.any([job!.signal, stopped]);
      try {
        await run(signal);
      } catch (err) {
        if (isRetryable(err)) throw err;
      }
      // What was cut off is a failed job, which goes on elsewhere.
      signal.throwIfAborted();
    };
    await this.#boss.work(queue, { pollSeconds: POLL_SECONDS }, (options) =>
      pgBoss.work(queue, { ...options, includeMetadata: true }, runOne),
    );
  }
}
