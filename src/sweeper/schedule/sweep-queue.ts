import type { PgBoss, Queue } from 'pg-boss';
import { againWhereIdleClosed } from '../../db/idle-closed.ts';
import { ensureQueue } from '../../jobs/ensure-queue.ts';
import { pgBossRunner } from '../../jobs/pgboss-runner.ts';
import type { Cron } from '../status/cron.ts';
import type { SweepTrigger } from '../summary.ts';
import { SWEEP_QUEUE, sweepQueue } from './queue-name.ts';
import { TICK_QUEUE } from './statements/ahead.ts';
import { publicLedgerStatement } from './statements/public-ledger.ts';

export interface SweepJob {
  readonly trigger: SweepTrigger;
}

/** A tick is dropped while a sweep is queued or active, so that sweeps longer than a tick do not pile up. */
export const SWEEP_POLICY = 'exclusive';

/** The heartbeat shows within seconds that the replica with the sweep has died; another replica then retries at once. */
const queueOptions = {
  policy: SWEEP_POLICY,
  heartbeatSeconds: 10,
  retryLimit: 3,
  retryDelay: 0,
  retryBackoff: false,
  expireInSeconds: 3600,
  retentionSeconds: 3600,
  deleteAfterSeconds: 3600,
} as const satisfies Omit<Queue, 'name'>;

/** One ledger's queue of sweeps, with its schedule. All methods throw the database's error. */
export class SweepQueue {
  readonly name: string;
  readonly #boss: PgBoss;
  readonly #cron: Cron;
  readonly #restoreOthers: () => Promise<void>;

  /** `restoreOthers`: restores the ledger's other queues. */
  constructor(boss: PgBoss, dbSchema: string, cron: Cron, restoreOthers: () => Promise<void> = async () => {}) {
    this.name = sweepQueue(dbSchema);
    this.#boss = boss;
    this.#cron = cron;
    this.#restoreOthers = restoreOthers;
  }

  /** Requests a sweep now. False: one is queued or running already. */
  async request(trigger: SweepTrigger): Promise<boolean> {
    const id = await againWhereIdleClosed(() => this.#boss.send(this.name, { trigger } satisfies SweepJob));
    return id !== null;
  }

  /** Creates or corrects the queue and its schedule. */
  async ensure(): Promise<void> {
    await ensureQueue(this.#boss, this.name, queueOptions);
    await this.#boss.schedule(this.name, this.#cron.expression, { trigger: 'cron' } satisfies SweepJob, {
      tz: this.#cron.timezone,
      // Ticks that came due while no daemon ran cause one sweep.
      missed: 'once',
    });
  }

  /** Restores what is lost when pg-boss's schema was dropped and installed again. */
  async restore(): Promise<void> {
    await this.#boss.createQueue(TICK_QUEUE);
    // The sweeps' last: where one of the others fails, all are restored again.
    await this.#restoreOthers();
    await this.ensure();
  }

  /**
   * Removes the schedule that this ledger may have on the queue of `public`, which the ledgers of all schemas shared in
   * 0.1.0. Only where there is no ledger in `public`, to which it may belong. The queue stays: a daemon of 0.1.0 that still
   * uses it, for a third schema, schedules its ticks again within seconds.
   */
  async unscheduleShared(): Promise<void> {
    if (this.name === SWEEP_QUEUE) return;
    const [publicLedger] = await publicLedgerStatement().run(pgBossRunner(this.#boss), {});
    if (!publicLedger!.exists) await this.#boss.unschedule(SWEEP_QUEUE);
  }
}
