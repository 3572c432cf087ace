import type { PgBoss } from 'pg-boss';
import type { QueryRunner } from '../../db/statement.ts';
import { pgBossRunner } from '../../jobs/pgboss-runner.ts';
import { pgBossTables } from '../../jobs/pgboss-tables.ts';
import { stateRow } from '../state-row.ts';
import { removeTicksStatement } from './statements/remove-ticks.ts';
import { resetDelayedJobsStatement } from './statements/reset-delayed-jobs.ts';
import { resetJobHeartbeatsStatement } from './statements/reset-job-heartbeats.ts';
import { resetQueueTasksStatement } from './statements/reset-queue-tasks.ts';
import { resetTasksStatement } from './statements/reset-tasks.ts';
import { scheduleReadingStatement } from './statements/schedule-reading.ts';

/** The schedule as the database has it, at one instant. See scheduleReadingStatement for the columns. */
export type Reading = Awaited<ReturnType<ReturnType<typeof scheduleReadingStatement>['run']>>[number];

export interface PgBossClockOptions {
  readonly dbSchema: string;
  readonly pgbossSchema: string;
  readonly queue: string;
}

/**
 * Reads the instants that pg-boss wrote, and corrects them after the database's clock was set back. pg-boss waits until
 * each has passed. Until then no replica ticks or looks for dead workers, a job that was handed back is not due and keeps
 * new ones out of its queue, a dead worker's job looks alive, and minutes that come a second time get no tick.
 */
export class PgBossClock {
  readonly #runner: QueryRunner;
  readonly #queue: string;
  readonly #read: ReturnType<typeof scheduleReadingStatement>;
  readonly #repairs: readonly (() => Promise<unknown>)[];

  constructor(boss: PgBoss, { dbSchema, pgbossSchema, queue }: PgBossClockOptions) {
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
    this.#queue = queue;
    this.#read = scheduleReadingStatement(tables, `"${dbSchema.replaceAll('"', '""')}".sweeper_state`);
    this.#repairs = [
      () => resetTasks.run(runner, {}),
      () => resetQueueTasks.run(runner, {}),
      ...ofQueue.map((repair) => () => repair.run(runner, { queue })),
    ];
  }

  /** @throws the database's error. */
  async read(): Promise<Reading> {
    return stateRow((await this.#read.run(this.#runner, { queue: this.#queue }))[0]);
  }

  /** Takes every instant that lies in the future back to now. Repeating it changes nothing. @throws the database's error. */
  async takeBack(): Promise<void> {
    for (const repair of this.#repairs) await repair();
  }
}
