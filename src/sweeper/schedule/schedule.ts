import { setTimeout as sleep } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import { type JobWithMetadata, PgBoss, type Queue } from 'pg-boss';
import { type ConnectionOptions, poolConfig } from '../../db/connection.ts';
import { isRetryable } from '../../db/sqlstate.ts';
import { backoffMs } from '../../lifecycle/backoff.ts';
import type { Service } from '../../lifecycle/service.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import type { SweepTrigger } from '../summary.ts';
import type { Sweeper } from '../sweeper.ts';
import type { Availability } from './availability.ts';
import { verbatim } from './pgboss-schema.ts';
import { steadyClock } from './steady-clock.ts';

export const SWEEP_QUEUE = 'delegation-sweep';

export interface ScheduleOptions {
  readonly connection: ConnectionOptions;
  readonly pgbossSchema: string;
  /** Five fields: pg-boss's tick is a minute. */
  readonly cron: string;
  readonly timezone: string;
  /** What the sweep in hand may still take when the schedule stops. */
  readonly stopWithinMs: number;
}

interface SweepJob {
  readonly trigger: SweepTrigger;
}

/**
 * `exclusive`: a tick is dropped while a sweep is queued or active, so that sweeps longer than a tick do not pile up.
 * The heartbeat tells within seconds that the replica with the sweep has died; the retry without delay is another's.
 */
const queueOptions = {
  policy: 'exclusive',
  heartbeatSeconds: 10,
  retryLimit: 3,
  retryDelay: 0,
  retryBackoff: false,
  expireInSeconds: 3600,
  retentionSeconds: 3600,
  deleteAfterSeconds: 3600,
} as const satisfies Omit<Queue, 'name'>;

/** How often a dead replica's sweep is looked for, and the queue itself. */
const SUPERVISE_SECONDS = 10;
/** pg-boss's own, through which its ticks go; it makes it at its start alone. */
const TICK_QUEUE = '__pgboss__send-it';
/** How often the clock is compared with the database's, by which ticks are due. */
const CLOCK_CHECK_SECONDS = 60;
/** pg-boss polls on, and fails each time, while the database is away: the same error is said once in this time. */
const ERROR_REPEAT_MS = 60_000;
/** How long a due tick may wait to be queued, and a queued sweep for this worker to look: an idle daemon's queries. */
const CRON_POLL_SECONDS = 5;
const POLL_SECONDS = 2;

/** A sweep that met a passing fault is tried again in the same job, with growing, jittered waits of up to five seconds. */
const SWEEP_ATTEMPTS_MAX = 5;
const sweepBackoff = { baseMs: 250, maxMs: 5_000 };

/** pg-boss's only home: the queue of sweeps, its cron schedule, and the worker that runs them. */
export class Schedule implements Service {
  readonly name = 'schedule';
  readonly #boss: PgBoss;
  readonly #sweeper: Sweeper;
  readonly #log: EventLog;
  readonly #availability: Availability;
  readonly #options: ScheduleOptions;
  readonly #errors = new Repeats(ERROR_REPEAT_MS);
  readonly #aborter = new AbortController();
  #starting: Promise<void> | undefined;
  #upkeep: Promise<void> | undefined;

  constructor(sweeper: Sweeper, log: EventLog, availability: Availability, options: ScheduleOptions) {
    this.#sweeper = sweeper;
    this.#log = log;
    this.#availability = availability;
    this.#options = options;
    this.#boss = new PgBoss({
      ...poolConfig(options.connection),
      schema: verbatim(options.pgbossSchema),
      // Never DDL from a daemon: `migrate up` installed it, with rights that the daemon need not have.
      migrate: false,
      createSchema: false,
      superviseIntervalSeconds: SUPERVISE_SECONDS,
      monitorIntervalSeconds: SUPERVISE_SECONDS,
      cronMonitorIntervalSeconds: SUPERVISE_SECONDS,
      cronWorkerIntervalSeconds: CRON_POLL_SECONDS,
      // There are no flows; asked every five seconds by default.
      flowIntervalSeconds: 3600,
      reindex: false,
      clock: steadyClock,
      clockMonitorIntervalSeconds: CLOCK_CHECK_SECONDS,
    });
    this.#boss.on('error', (err) => this.#say(err));
    this.#boss.on('warning', ({ message, data }) => {
      // The pulse says that, and for less than a minute too.
      if (message.includes('Clock skew')) return;
      const type = (data as { type?: string } | undefined)?.type ?? 'unknown';
      log.emit('pgboss.warning', { type, detail: errorFields(new Error(message)).message });
    });
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
    await this.#starting?.catch(() => {});
    await this.#upkeep;
    await this.#boss.stop({ graceful: true, timeout: this.#options.stopWithinMs });
  }

  /** Asks for a sweep now. False: one is queued or running already. Throws the database's error. */
  async request(trigger: SweepTrigger): Promise<boolean> {
    return (await this.#boss.send(SWEEP_QUEUE, { trigger } satisfies SweepJob)) !== null;
  }

  async #start(): Promise<void> {
    const { signal } = this.#aborter;
    await this.#availability.until(async () => {
      await this.#startBoss();
      await this.#ensureQueue();
    }, signal);
    // Before the worker, whose first look then finds it. A sweep that a dead replica left is taken over instead.
    await this.#availability.until(() => this.request('startup'), signal);
    await this.#availability.until(
      () =>
        this.#boss.work<SweepJob>(
          SWEEP_QUEUE,
          { pollingIntervalSeconds: POLL_SECONDS, includeMetadata: true },
          ([job]) => this.#run(job as JobWithMetadata<SweepJob>),
        ),
      signal,
    );
    this.#upkeep = this.#keepQueue(signal);
  }

  /** A start that failed halfway is undone: pg-boss's next one would take its cron for started and never tick. */
  async #startBoss(): Promise<void> {
    try {
      await this.#boss.start();
    } catch (err) {
      await this.#boss.stop({ graceful: false }).catch(() => {});
      throw err;
    }
  }

  /** Puts the queue and its schedule in place, and right. createQueue alone silently keeps a queue of another policy. */
  async #ensureQueue(): Promise<void> {
    const { cron, timezone } = this.#options;
    const { policy, ...updatable } = queueOptions;
    const found = await this.#boss.getQueue(SWEEP_QUEUE);
    if (found && found.policy !== policy) await this.#boss.deleteQueue(SWEEP_QUEUE);
    if (found?.policy === policy) await this.#boss.updateQueue(SWEEP_QUEUE, updatable);
    else await this.#boss.createQueue(SWEEP_QUEUE, queueOptions);
    await this.#boss.schedule(SWEEP_QUEUE, cron, { trigger: 'cron' } satisfies SweepJob, {
      tz: timezone,
      // A tick that came due while no daemon ran is made up for, once.
      missed: 'once',
    });
  }

  /** A schema that was dropped and installed anew has no queues: they are put back without a restart. */
  async #keepQueue(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(SUPERVISE_SECONDS * 1000, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        if (await this.#boss.getSchedule(SWEEP_QUEUE)) continue;
        await this.#boss.createQueue(TICK_QUEUE);
        await this.#ensureQueue();
      } catch (err) {
        this.#say(err);
      }
    }
  }

  #say(thrown: unknown): void {
    const err = errorFields(asError(thrown));
    if (this.#errors.isDue(err.code ?? err.message)) this.#log.emit('pgboss.error', { err });
  }

  /** One job: sweeps, and tries again while the fault looks like a passing one. */
  async #run(job: JobWithMetadata<SweepJob>): Promise<void> {
    // The job's own signal: pg-boss aborts it when the claim is lost, to an expiry or to another replica.
    const signal = AbortSignal.any([job.signal, this.#aborter.signal]);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#sweeper.sweep({ trigger: job.data?.trigger ?? 'cron', signal });
        // Not finished but interrupted: failing the job hands the rest to another replica at once.
        signal.throwIfAborted();
        return;
      } catch (err) {
        if (signal.aborted || !isRetryable(err) || attempt >= SWEEP_ATTEMPTS_MAX) throw err;
        await sleep(backoffMs(attempt, sweepBackoff), undefined, { signal });
      }
    }
  }
}

/** pg-boss spreads the error of a worker into a plain object, which has its message and its code. */
function asError(thrown: unknown): unknown {
  if (isNativeError(thrown) || typeof thrown !== 'object' || thrown === null) return thrown;
  return Object.assign(new Error('message' in thrown ? String(thrown.message) : 'unknown'), thrown);
}
