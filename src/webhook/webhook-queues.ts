import type { PgBoss, Queue } from 'pg-boss';
import { eventTypes } from '../events/event-types.ts';
import { DEAD_QUEUE, GROUP_QUEUE, WEBHOOK_QUEUE } from '../events/webhook-queue-names.ts';
import { ensureQueue } from '../jobs/ensure-queue.ts';
import { ledgerQueue } from '../jobs/ledger-queue.ts';
import { pgBossRunner } from '../jobs/pgboss-runner.ts';
import { pgBossTables } from '../jobs/pgboss-tables.ts';
import { deadOriginalsStatement } from './statements/dead-originals.ts';
import { handBackStatement } from './statements/hand-back.ts';
import { subscribedStatement } from './statements/subscribed.ts';
import { unsubscribedStatement } from './statements/unsubscribed.ts';

/** A post is in order behind the earlier ones of its delegation, while these are queued, posted or waiting for their next attempt. */
const WEBHOOK_POLICY = 'key_strict_fifo';

/** Attempts at a post, the first one included. */
export const ATTEMPTS_MAX = 8;

const DAY_SECONDS = 86_400;

/** What tests shorten. */
export interface RetrySchedule {
  readonly retryDelay: number;
  readonly retryDelayMax?: number;
}

/**
 * pg-boss waits retryDelay * 2^(n-1), and up to as much again by chance, after the nth attempt that failed. On average the
 * attempts come after 0, 11 min, 34 min, 79 min, 2 h 49 min, 5 h 49 min, 11 h 49 min and 23 h 49 min; the last one after
 * 16 to 32 hours.
 */
const RETRY_SCHEDULE: RetrySchedule = { retryDelay: 450 };

const webhookOptions = {
  policy: WEBHOOK_POLICY,
  retryLimit: ATTEMPTS_MAX - 1,
  retryBackoff: true,
  // A daemon that was killed: its posts are tried again as if they had failed.
  heartbeatSeconds: 30,
  expireInSeconds: 900,
  retentionSeconds: 30 * DAY_SECONDS,
  // For a day it can be seen what was delivered.
  deleteAfterSeconds: DAY_SECONDS,
} as const satisfies Omit<Queue, 'name'>;

const deadOptions = {
  policy: 'standard',
  retentionSeconds: 30 * DAY_SECONDS,
  deleteAfterSeconds: DAY_SECONDS,
} as const satisfies Omit<Queue, 'name'>;

/** Only the database can make its jobs fail. They are tried for more than an hour, and then are dead letters as well. */
const groupOptions = {
  policy: WEBHOOK_POLICY,
  retryLimit: 1000,
  retryDelay: 5,
  retryBackoff: false,
  expireInSeconds: 60,
  retentionSeconds: 30 * DAY_SECONDS,
  deleteAfterSeconds: 60,
} as const satisfies Omit<Queue, 'name'>;

export interface WebhookQueuesOptions {
  readonly dbSchema: string;
  readonly pgbossSchema: string;
  readonly retries?: RetrySchedule;
}

/** The names of one ledger's queues. */
export function webhookQueueNames(dbSchema: string) {
  return {
    webhook: ledgerQueue(WEBHOOK_QUEUE, dbSchema),
    dead: ledgerQueue(DEAD_QUEUE, dbSchema),
    group: ledgerQueue(GROUP_QUEUE, dbSchema),
  };
}

/** One ledger's queues of the webhook, and what they are subscribed to. All methods throw the database's error. */
export class WebhookQueues {
  readonly names: ReturnType<typeof webhookQueueNames>;
  readonly #boss: PgBoss;
  readonly #retries: RetrySchedule;
  readonly #deadOriginals: ReturnType<typeof deadOriginalsStatement>;
  readonly #handBack: ReturnType<typeof handBackStatement>;
  readonly #subscribed: ReturnType<typeof subscribedStatement>;
  readonly #unsubscribed: ReturnType<typeof unsubscribedStatement>;

  constructor(boss: PgBoss, { dbSchema, pgbossSchema, retries = RETRY_SCHEDULE }: WebhookQueuesOptions) {
    const tables = pgBossTables(pgbossSchema);
    this.names = webhookQueueNames(dbSchema);
    this.#boss = boss;
    this.#retries = retries;
    this.#deadOriginals = deadOriginalsStatement(tables);
    this.#handBack = handBackStatement(tables);
    this.#subscribed = subscribedStatement(tables);
    this.#unsubscribed = unsubscribedStatement(tables);
  }

  /** Creates or corrects the queues, and subscribes the one that events go to first. */
  async ensure({ grouped }: { readonly grouped: boolean }): Promise<void> {
    const { webhook, dead, group } = this.names;
    await ensureQueue(this.#boss, dead, deadOptions);
    await ensureQueue(this.#boss, webhook, { ...webhookOptions, ...this.#retries, deadLetter: dead });
    await ensureQueue(this.#boss, group, { ...groupOptions, deadLetter: dead });
    for (const type of eventTypes) {
      await this.#boss.subscribe(type, grouped ? group : webhook);
      await this.#boss.unsubscribe(type, grouped ? webhook : group);
    }
  }

  /** Does the same where a subscription is missing: another daemon ended it, or pg-boss's schema was made anew. */
  async restore({ grouped }: { readonly grouped: boolean }): Promise<void> {
    const { webhook, group } = this.names;
    const queues = [grouped ? group : webhook];
    const [row] = await this.#subscribed.run(pgBossRunner(this.#boss), { queues });
    if (row!.types < eventTypes.length) await this.ensure({ grouped });
  }

  /** Ends the subscriptions. Returns of how many types of events there were some. */
  async unsubscribe(): Promise<number> {
    const { webhook, group } = this.names;
    const rows = await this.#unsubscribed.run(pgBossRunner(this.#boss), { queues: [webhook, group] });
    return rows.length;
  }

  /**
   * Removes the jobs of which there is a dead letter: until then pg-boss keeps later events of the same delegation behind
   * them. Returns how many.
   */
  async releaseDead(): Promise<number> {
    const { webhook, group } = this.names;
    let removed = 0;
    for (const queue of [webhook, group]) {
      const rows = await this.#deadOriginals.run(pgBossRunner(this.#boss), { queue });
      const ids = rows.map(({ id }) => id);
      if (ids.length > 0) await this.#boss.deleteJob(queue, ids);
      removed += ids.length;
    }
    return removed;
  }

  /** Gives jobs back that were taken and not begun, so that another daemon takes them at once and no attempt is counted. */
  async handBack(ids: readonly string[]): Promise<void> {
    if (ids.length > 0)
      await this.#handBack.run(pgBossRunner(this.#boss), { queue: this.names.webhook, ids: [...ids] });
  }
}
