import type { PgBoss } from 'pg-boss';
import type { LedgerDb } from '../../db/schema.ts';
import type { QueryRunner } from '../../db/statement.ts';
import { pgBossRunner } from '../../jobs/pgboss-runner.ts';
import { pgBossTables } from '../../jobs/pgboss-tables.ts';
import { stateRow } from '../state-row.ts';
import { tickSweepStatement } from '../statements/tick-sweep.ts';
import { sweeperTables } from '../tables.ts';
import { removeTicksStatement } from './statements/remove-ticks.ts';
import { resetDelayedJobsStatement } from './statements/reset-delayed-jobs.ts';
import { resetJobHeartbeatsStatement } from './statements/reset-job-heartbeats.ts';
import { resetQueueTasksStatement } from './statements/reset-queue-tasks.ts';
import { resetTasksStatement } from './statements/reset-tasks.ts';
import { type ScheduleAsked, scheduleReadingStatement } from './statements/schedule-reading.ts';

type RowOf<Make extends (...args: never[]) => { run(...args: never[]): Promise<unknown[]> }> = Awaited<
  ReturnType<ReturnType<Make>['run']>
>[number];

/** The schedule as the database has it. See scheduleReadingStatement and tickSweepStatement for the columns. */
export type Reading = ScheduleReading & RowOf<typeof tickSweepStatement>;

export interface PgBossClockOptions {
  /** The ledger. */
  readonly db: LedgerDb;
  readonly pgbossSchema: string;
  readonly queue: string;
  /** The ledger's other queues that have a schedule. */
  readonly others?: readonly string[];
  /** Reads the schedules of many ledgers at once. */
  readonly together?: ReadTogether | undefined;
}

type ScheduleReading = RowOf<typeof scheduleReadingStatement>;

export interface ReadTogether {
  readonly schedule: (asked: ScheduleAsked, alone: () => Promise<ScheduleReading>) => Promise<ScheduleReading>;
  readonly sweepId: (alone: () => Promise<string | null>) => Promise<string | null>;
}

const apart: ReadTogether = { schedule: (_, alone) => alone(), sweepId: (alone) => alone() };

/**
 * Reads the instants that pg-boss wrote, and corrects them after the database's clock was set back. pg-boss waits until
 * each has passed. Until then no replica ticks or looks for dead workers, a job that was handed back is not due and keeps
 * new ones out of its queue, a dead worker's job looks alive, and minutes that come a second time get no tick.
 */
export class PgBossClock {
  readonly #runner: QueryRunner;
  readonly #asked: ScheduleAsked;
  readonly #together: ReadTogether;
  readonly #db: LedgerDb;
  readonly #read: ReturnType<typeof scheduleReadingStatement>;
  readonly #tickSweep: ReturnType<typeof tickSweepStatement>;
  readonly #repairs: readonly (() => Promise<unknown>)[];

  constructor(boss: PgBoss, { db, pgbossSchema, queue, others = [], together = apart }: PgBossClockOptions) {
    const tables = pgBossTables(pgbossSchema);
    const runner = pgBossRunner(boss);
    const resetTasks = resetTasksStatement(tables);
    const resetQueueTasks = resetQueueTasksStatement(tables);
    const ofQueue = [
      resetDelayedJobsStatement(tables),
      resetJobHeartbeatsStatement(tables),
      removeTicksStatement(tables),
    ];
    this.#runner = runner;
    this.#asked = { queue, others };
    this.#together = together;
    this.#db = db;
    this.#read = scheduleReadingStatement(tables);
    this.#tickSweep = tickSweepStatement(sweeperTables(db));
    this.#repairs = [
      () => resetTasks.run(runner, {}),
      () => resetQueueTasks.run(runner, {}),
      ...ofQueue.map((repair) => () => repair.run(runner, { queue })),
    ];
  }

  /**
   * pg-boss's tables over its own connections, the ledger's over the ledger's: a lock on these must not hold up other
   * ledgers' jobs. In this order, a sweep that begins in between is seen as begun, and never as one that is late.
   * @throws the database's error.
   */
  async read(): Promise<Reading> {
    const { schedule, sweepId } = this.#together;
    const asked = [this.#asked];
    const reading = await schedule(this.#asked, async () => (await this.#read.run(this.#runner, { asked }))[0]!);
    return {
      ...reading,
      sweepId: await sweepId(async () => stateRow((await this.#tickSweep.run(this.#db, {}))[0]).sweepId),
    };
  }

  /** Takes every instant that lies in the future back to now. Repeating it changes nothing. @throws the database's error. */
  async takeBack(): Promise<void> {
    for (const repair of this.#repairs) await repair();
  }
}
