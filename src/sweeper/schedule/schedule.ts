import type { LedgerDb } from '../../db/schema.ts';
import type { Boss } from '../../jobs/boss.ts';
import { Periodic } from '../../lifecycle/periodic.ts';
import type { Service } from '../../lifecycle/service.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Availability } from '../../outage/availability.ts';
import type { SweepTrigger } from '../summary.ts';
import type { Sweeper } from '../sweeper.ts';
import type { EmptySweep } from './empty-sweep.ts';
import { PgBossClock, type ReadTogether } from './pgboss-clock.ts';
import { SweepQueue } from './sweep-queue.ts';
import { GRACE_MS, GRACE_OF_MANY_MS } from './tick-watch.ts';
import { Upkeep } from './upkeep.ts';
import { workSweeps } from './worker.ts';

export { SWEEP_QUEUE } from './queue-name.ts';

export const UPKEEP_EVERY_MS = 10_000;

export interface ScheduleOptions {
  /** The ledger's: its sweeps have a queue of their own. */
  readonly dbSchema: string;
  readonly db: LedgerDb;
  readonly pgbossSchema: string;
  /** Five fields: pg-boss's tick is a minute. */
  readonly cron: string;
  readonly timezone: string;
  /** The ledger's other queues that have a schedule, and what restores them where one was lost. @throws the database's error. */
  readonly others?: { readonly queues: readonly string[]; readonly restore: () => Promise<void> };
  /** Of a daemon of many ledgers: reads the schedules of all of them at once, and does what the sweep of an empty one would do. */
  readonly many?: { readonly together: ReadTogether; readonly emptySweep: EmptySweep['sweep'] };
}

/**
 * Runs the ledger's sweeps: their queue in pg-boss, its cron schedule, the worker, and the upkeep that corrects all of it.
 * Risk: a sweep that never comes finds no dead agent; the upkeep requests one that is late. A sweep that is running at the
 * stop ends at its next batch; the Boss waits for it. Emits sweep.tick_missed.
 */
export class Schedule implements Service {
  readonly name = 'schedule';
  readonly #boss: Boss;
  readonly #queue: SweepQueue;
  readonly #upkeeping: Periodic;
  readonly #sweeper: Sweeper;
  readonly #emptySweep: EmptySweep['sweep'] | undefined;
  readonly #availability: Availability;
  readonly #aborter = new AbortController();
  #starting: Promise<void> | undefined;

  constructor(boss: Boss, sweeper: Sweeper, log: EventLog, availability: Availability, options: ScheduleOptions) {
    const { dbSchema, db, pgbossSchema, cron: expression, timezone, many } = options;
    const cron = { expression, timezone };
    this.#boss = boss;
    this.#sweeper = sweeper;
    this.#availability = availability;
    const others = options.others?.queues ?? [];
    this.#queue = new SweepQueue(boss.pgBoss, dbSchema, cron, options.others?.restore);
    const { name: queue } = this.#queue;
    const clock = new PgBossClock(boss.pgBoss, { db, pgbossSchema, queue, others, together: many?.together });
    this.#emptySweep = many?.emptySweep;
    const graceMs = many === undefined ? GRACE_MS : GRACE_OF_MANY_MS;
    const upkeep = new Upkeep({ queue: this.#queue, clock, cron, log, graceMs });
    this.#upkeeping = new Periodic({
      name: 'upkeep',
      everyMs: UPKEEP_EVERY_MS,
      isAligned: many !== undefined,
      run: (signal) => availability.until(() => upkeep.maintain(performance.now()), signal),
      // Never called: a failure is logged and tried again until the schedule stops.
      onError: () => {},
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
  }

  /** Requests a sweep now. False: one is queued or running already. @throws the database's error. */
  request(trigger: SweepTrigger): Promise<boolean> {
    return this.#queue.request(trigger);
  }

  async #start(): Promise<void> {
    const { signal } = this.#aborter;
    await this.#availability.until(async () => {
      await this.#queue.ensure();
      await this.#queue.unscheduleShared();
    }, signal);
    // Before the worker starts, so that its first poll finds it. A sweep that a dead replica left is taken over instead.
    await this.#availability.until(() => this.request('startup'), signal);
    const { name } = this.#queue;
    const work = () => workSweeps(this.#boss, name, this.#sweeper, { signal, instead: this.#emptySweep });
    await this.#availability.until(work, signal);
    await this.#upkeeping.start();
  }
}
