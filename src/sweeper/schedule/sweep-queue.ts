import type { PgBoss, Queue } from 'pg-boss';
import { againWhereIdleClosed } from '../../db/idle-closed.ts';
import type { Cron } from '../status/cron.ts';
import type { SweepTrigger } from '../summary.ts';
import { SWEEP_QUEUE, sweepQueue } from './queue-name.ts';

export interface SweepJob {
  readonly trigger: SweepTrigger;
}

/**
 * `exclusive`: a tick is dropped while a sweep is queued or active, so that sweeps longer than a tick do not pile up.
 * The heartbeat shows within seconds that the replica with the sweep has died; the retry without delay is another's.
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

/** pg-boss's own, through which its ticks go; it makes it at its start alone. */
export const TICK_QUEUE = '__pgboss__send-it';

/** One ledger's queue of sweeps, with its schedule. Everything here throws the database's error. */
export class SweepQueue {
  readonly name: string;
  readonly #boss: PgBoss;
  readonly #cron: Cron;

  constructor(boss: PgBoss, dbSchema: string, cron: Cron) {
    this.name = sweepQueue(dbSchema);
    this.#boss = boss;
    this.#cron = cron;
  }

  /** Asks for a sweep now. False: one is queued or running already. */
  async request(trigger: SweepTrigger): Promise<boolean> {
    const id = await againWhereIdleClosed(() => this.#boss.send(this.name, { trigger } satisfies SweepJob));
    return id !== null;
  }

  /** Puts the queue and its schedule in place, and right. createQueue alone silently keeps a queue of another policy. */
  async ensure(): Promise<void> {
    const { policy, ...updatable } = queueOptions;
    const found = await this.#boss.getQueue(this.name);
    if (found && found.policy !== policy) await this.#boss.deleteQueue(this.name);
    if (found?.policy === policy) await this.#boss.updateQueue(this.name, updatable);
    else await this.#boss.createQueue(this.name, queueOptions);
    await this.#boss.schedule(this.name, this.#cron.expression, { trigger: 'cron' } satisfies SweepJob, {
      tz: this.#cron.timezone,
      // A tick that came due while no daemon ran is made up for, once.
      missed: 'once',
    });
  }

  /** Puts everything back that a schema which was dropped and installed anew has lost. */
  async restore(): Promise<void> {
    await this.#boss.createQueue(TICK_QUEUE);
    await this.ensure();
  }

  /**
   * Ends the ticks that a ledger of another schema left on the queue of `public`, which all ledgers shared until 0.1.0.
   * Only where there is no ledger in `public` whose ticks they may be. The queue stays: a daemon of 0.1.0 that still runs
   * on it, for a third schema, puts its ticks back within seconds.
   */
  async leaveShared(): Promise<void> {
    if (this.name === SWEEP_QUEUE) return;
    const { rows } = await this.#boss.getDb().executeSql(`
      SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'public' AND c.relname = 'sweeper_state'`);
    if (rows.length === 0) await this.#boss.unschedule(SWEEP_QUEUE);
  }
}
