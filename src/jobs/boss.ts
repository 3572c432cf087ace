import { isNativeError } from 'node:util/types';
import { PgBoss } from 'pg-boss';
import { type ConnectionOptions, poolConfig } from '../db/connection.ts';
import { isIdleClosed } from '../db/idle-closed.ts';
import type { Service } from '../lifecycle/service.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { Repeats } from '../log/repeats.ts';
import type { Availability } from '../outage/availability.ts';
import { JobPoll, OWN_POLL_SECONDS, type Polled } from './job-poll.ts';
import { monotonicClock } from './monotonic-clock.ts';
import { verbatim } from './pgboss-tables.ts';
import { type PgBossWarningType, warningType } from './pgboss-warning.ts';

/** How often pg-boss looks for a tick that is due. Each time it computes the last occurrence of every schedule. */
const CRON_SECONDS = 10;
/** How often the pg-boss of each daemon looks after its queues: their sizes, and jobs of dead replicas. The job poll finds those of the daemon's own queues in seconds. */
const SUPERVISE_SECONDS = 60;
/** Least time between two such looks at one queue, so that the job poll can ask for one. */
const SUPERVISE_MIN_SECONDS = 2;
/** How often pg-boss compares its clock with the database's, by which ticks are due. */
const CLOCK_CHECK_SECONDS = 60;
/** How long a due tick may wait to be queued; a shorter time costs an idle daemon more queries. */
const CRON_POLL_SECONDS = 5;

/** While the database is away, pg-boss keeps polling and fails each time: the same error is logged once in this time. */
const ERROR_REPEAT_MS = 60_000;

/**
 * The pulse logs a skew of the clocks, and smaller ones too. And pg-boss counts the workers that hold a connection while their handler
 * runs: one for each ledger whose posts are grouped. Such a handler makes one insert over the connection that it has, and waits for nothing else:
 * those that find none wait for milliseconds.
 */
const unlogged: ReadonlySet<PgBossWarningType> = new Set(['clock_skew', 'transactional_pool_headroom']);

export type BossWork = (options: { readonly pollingIntervalSeconds: number }) => Promise<string>;

export interface BossOptions {
  readonly connection: ConnectionOptions;
  readonly pgbossSchema: string;
  /** How long jobs that are running when it stops may still take. */
  readonly stopWithinMs: number;
  /** How often it looks for a tick that is due; default 10. */
  readonly cronSeconds?: number;
}

/**
 * The daemon's one pg-boss, for all services that have queues. They start after it and stop before it; a job that is still
 * running then has `stopWithinMs` to end. Emits pgboss.error, pgboss.warning.
 */
export class Boss implements Service {
  readonly name = 'pg-boss';
  readonly pgBoss: PgBoss;
  readonly #log: EventLog;
  readonly #availability: Availability;
  readonly #stopWithinMs: number;
  readonly #errors = new Repeats(ERROR_REPEAT_MS);
  readonly #aborter = new AbortController();
  readonly #poll: JobPoll;
  #starting: Promise<void> | undefined;

  constructor(log: EventLog, availability: Availability, options: BossOptions) {
    this.#log = log;
    this.#availability = availability;
    this.#stopWithinMs = options.stopWithinMs;
    this.pgBoss = createBoss(options);
    this.#poll = new JobPoll(this.pgBoss, options.pgbossSchema, (err) => this.#logError(err));
    this.pgBoss.on('error', (err) => this.#logError(err));
    this.pgBoss.on('warning', (warning) => {
      const type = warningType(warning);
      if (unlogged.has(type)) return;
      log.emit('pgboss.warning', { type, detail: errorFields(new Error(warning.message)).message });
    });
  }

  start(): Promise<void> {
    this.#starting ??= this.#availability.until(() => startBoss(this.pgBoss), this.#aborter.signal);
    return this.#starting;
  }

  /**
   * Starts a worker of the queue, whose jobs wait for `pollSeconds` at most. `work` calls pg-boss's work with the options that
   * it is given, and returns the worker's id. `instead`: as in Polled. @throws the database's error.
   */
  async work(
    queue: string,
    { pollSeconds, instead }: { readonly pollSeconds: number; readonly instead?: Polled['instead'] },
    work: BossWork,
  ): Promise<void> {
    const workerId = await work({ pollingIntervalSeconds: OWN_POLL_SECONDS });
    this.#poll.add(queue, { workerId, everyMs: pollSeconds * 1000, instead });
  }

  /** Ends the workers of the queue; a job in hand ends by itself. */
  async offWork(queue: string): Promise<void> {
    this.#poll.remove(queue);
    await this.pgBoss.offWork(queue, { wait: false });
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
    this.#poll.stop();
    await this.#starting?.catch(() => {});
    await this.pgBoss.stop({ graceful: true, timeout: this.#stopWithinMs });
  }

  #logError(thrown: unknown): void {
    // pg-boss polls again within seconds, over another connection.
    if (isIdleClosed(thrown)) return;
    const err = errorFields(asError(thrown));
    if (this.#errors.claim(err.code ?? err.message)) this.#log.emit('pgboss.error', { err });
  }
}

function createBoss({ connection, pgbossSchema, cronSeconds = CRON_SECONDS }: BossOptions): PgBoss {
  return new PgBoss({
    ...poolConfig(connection),
    schema: verbatim(pgbossSchema),
    // A daemon runs no DDL: `migrate up` installed the schema, with rights that the daemon does not need.
    migrate: false,
    createSchema: false,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_MIN_SECONDS,
    cronMonitorIntervalSeconds: cronSeconds,
    cronWorkerIntervalSeconds: CRON_POLL_SECONDS,
    // Flows are not used; pg-boss looks for them every five seconds by default.
    flowIntervalSeconds: 3600,
    // Its registry of instances measures the event loop fifty times a second: a quarter of what an idle daemon costs.
    registerInstance: false,
    reindex: false,
    clock: monotonicClock,
    clockMonitorIntervalSeconds: CLOCK_CHECK_SECONDS,
  });
}

/** A start that fails halfway is undone: otherwise the next one would assume that its cron runs, and never tick. */
async function startBoss(boss: PgBoss): Promise<void> {
  try {
    await boss.start();
  } catch (err) {
    await boss.stop({ graceful: false }).catch(() => {});
    throw err;
  }
}

/** pg-boss copies the error of a worker into a plain object, with its message and code. */
function asError(thrown: unknown): unknown {
  if (isNativeError(thrown) || typeof thrown !== 'object' || thrown === null) return thrown;
  return Object.assign(new Error('message' in thrown ? String(thrown.message) : 'unknown'), thrown);
}
