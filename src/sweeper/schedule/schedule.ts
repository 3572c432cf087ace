import { isNativeError } from 'node:util/types';
import type { PgBoss } from 'pg-boss';
import type { ConnectionOptions } from '../../db/connection.ts';
import { isIdleClosed } from '../../db/idle-closed.ts';
import type { Service } from '../../lifecycle/service.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import type { SweepTrigger } from '../summary.ts';
import type { Sweeper } from '../sweeper.ts';
import type { Availability } from './availability.ts';
import { createBoss, startBoss } from './boss.ts';
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
  /** What the sweep in hand may still take when the schedule stops. */
  readonly stopWithinMs: number;
}

/** pg-boss polls on, and fails each time, while the database is away: the same error is logged once in this time. */
const ERROR_REPEAT_MS = 60_000;

/** The ledger's sweeps: their queue in pg-boss, its cron schedule, the worker that runs them, and the watch over all that. */
export class Schedule implements Service {
  readonly name = 'schedule';
  readonly #boss: PgBoss;
  readonly #queue: SweepQueue;
  readonly #upkeep: Upkeep;
  readonly #sweeper: Sweeper;
  readonly #log: EventLog;
  readonly #availability: Availability;
  readonly #stopWithinMs: number;
  readonly #errors = new Repeats(ERROR_REPEAT_MS);
  readonly #aborter = new AbortController();
  #starting: Promise<void> | undefined;
  #keeping: Promise<void> | undefined;

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
    this.#upkeep = new Upkeep({ queue: this.#queue, clock, cron, log });
    this.#boss.on('error', (err) => this.#logError(err));
    this.#boss.on('warning', (warning) => {
      const type = warningType(warning);
      // The pulse logs that, and for less than a minute too.
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
    await this.#keeping;
    await this.#boss.stop({ graceful: true, timeout: this.#stopWithinMs });
  }

  /** Asks for a sweep now. False: one is queued or running already. Throws the database's error. */
  request(trigger: SweepTrigger): Promise<boolean> {
    return this.#queue.request(trigger);
  }

  async #start(): Promise<void> {
    const { signal } = this.#aborter;
    await this.#availability.until(async () => {
      await startBoss(this.#boss);
      await this.#queue.ensure();
      await this.#queue.leaveShared();
    }, signal);
    // Before the worker, whose first look then finds it. A sweep that a dead replica left is taken over instead.
    await this.#availability.until(() => this.request('startup'), signal);
    await this.#availability.until(() => workSweeps(this.#boss, this.#queue.name, this.#sweeper, signal), signal);
    this.#keeping = this.#upkeep.run(this.#availability, signal);
  }

  #logError(thrown: unknown): void {
    // pg-boss polls again within seconds, over another connection.
    if (isIdleClosed(thrown)) return;
    const err = errorFields(asError(thrown));
    if (this.#errors.isDue(err.code ?? err.message)) this.#log.emit('pgboss.error', { err });
  }
}

/** pg-boss spreads the error of a worker into a plain object, which has its message and its code. */
function asError(thrown: unknown): unknown {
  if (isNativeError(thrown) || typeof thrown !== 'object' || thrown === null) return thrown;
  return Object.assign(new Error('message' in thrown ? String(thrown.message) : 'unknown'), thrown);
}
