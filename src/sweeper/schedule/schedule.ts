import { isNativeError } from 'node:util/types';
import type { PgBoss } from 'pg-boss';
import type { ConnectionOptions } from '../../db/connection.ts';
import { isIdleClosed } from '../../db/idle-closed.ts';
import { Periodic } from '../../lifecycle/periodic.ts';
import type { Service } from '../../lifecycle/service.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import type { SweepTrigger } from '../summary.ts';
import type { Sweeper } from '../sweeper.ts';
import type { Availability } from './availability.ts';
import { createBoss, SUPERVISE_SECONDS, startBoss } from './boss.ts';
import { PgBossClock } from './pgboss-clock.ts';
import { warningType } from './pgboss-warning.ts';
import { SweepQueue } from './sweep-queue.ts';
import { Upkeep } from './upkeep.ts';
import { workSweeps } from './worker.ts';

export { SWEEP_QUEUE } from './queue-name.ts';

export interface ScheduleOptions {
  readonly connection: ConnectionOptions;
  /** The ledger's: its sweeps have a queue of their own. */
  readonly dbSchema: string;
  readonly pgbossSchema: string;
  /** Five fields: pg-boss's tick is a minute. */
  readonly cron: string;
  readonly timezone: string;
  /** How long the current sweep may still take when the schedule stops. */
  readonly stopWithinMs: number;
}

/** While the database is away, pg-boss keeps polling and fails each time: the same error is logged once in this time. */
const ERROR_REPEAT_MS = 60_000;

/**
 * Runs the ledger's sweeps: their queue in pg-boss, its cron schedule, the worker, and the upkeep that corrects all of it.
 * Risk: a sweep that never comes finds no dead agent; the upkeep requests one that is late.
 * Emits pgboss.error, pgboss.warning, sweep.tick_missed.
 */
export class Schedule implements Service {
  readonly name = 'schedule';
  readonly #boss: PgBoss;
  readonly #queue: SweepQueue;
  readonly #upkeeping: Periodic;
  readonly #sweeper: Sweeper;
  readonly #log: EventLog;
  readonly #availability: Availability;
  readonly #stopWithinMs: number;
  readonly #errors = new Repeats(ERROR_REPEAT_MS);
  readonly #aborter = new AbortController();
  #starting: Promise<void> | undefined;

  constructor(sweeper: Sweeper, log: EventLog, availability: Availability, options: ScheduleOptions) {
    const { connection, dbSchema, pgbossSchema, cron: expression, timezone, stopWithinMs } = options;
    const cron = { expression, timezone };
    this.#sweeper = sweeper;
    this.#log = log;
    this.#availability = availability;
    this.#stopWithinMs = stopWithinMs;
    this.#boss = createBoss(connection, pgbossSchema);
    this.#queue = new SweepQueue(this.#boss, dbSchema, cron);
    const clock = new PgBossClock(this.#boss, { dbSchema, pgbossSchema, queue: this.#queue.name });
    const upkeep = new Upkeep({ queue: this.#queue, clock, cron, log });
    this.#upkeeping = new Periodic({
      name: 'upkeep',
      everyMs: SUPERVISE_SECONDS * 1000,
      run: (signal) => availability.until(() => upkeep.maintain(performance.now()), signal),
      // Never called: a failure is logged and tried again until the schedule stops.
      onError: () => {},
    });
    this.#boss.on('error', (err) => this.#logError(err));
    this.#boss.on('warning', (warning) => {
      const type = warningType(warning);
      // The pulse logs that, and smaller differences too.
      if (type === 'clock_skew') return;
      log.emit('pgboss.warning', { type, detail: errorFields(new Error(warning.message)).message });
    });
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
    await this.#starting?.catch(() => {});
    await this.#upkeeping.stop();
    await this.#boss.stop({ graceful: true, timeout: this.#stopWithinMs });
  }

  /** Requests a sweep now. False: one is queued or running already. @throws the database's error. */
  request(trigger: SweepTrigger): Promise<boolean> {
    return this.#queue.request(trigger);
  }

  async #start(): Promise<void> {
    const { signal } = this.#aborter;
    await this.#availability.until(async () => {
      await startBoss(this.#boss);
      await this.#queue.ensure();
      await this.#queue.unscheduleShared();
    }, signal);
    // Before the worker starts, so that its first poll finds it. A sweep that a dead replica left is taken over instead.
    await this.#availability.until(() => this.request('startup'), signal);
    await this.#availability.until(() => workSweeps(this.#boss, this.#queue.name, this.#sweeper, signal), signal);
    await this.#upkeeping.start();
  }

  #logError(thrown: unknown): void {
    // pg-boss polls again within seconds, over another connection.
    if (isIdleClosed(thrown)) return;
    const err = errorFields(asError(thrown));
    if (this.#errors.claim(err.code ?? err.message)) this.#log.emit('pgboss.error', { err });
  }
}

/** pg-boss copies the error of a worker into a plain object, with its message and code. */
function asError(thrown: unknown): unknown {
  if (isNativeError(thrown) || typeof thrown !== 'object' || thrown === null) return thrown;
  return Object.assign(new Error('message' in thrown ? String(thrown.message) : 'unknown'), thrown);
}
