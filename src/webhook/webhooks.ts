import type { JobWithMetadata } from 'pg-boss';
import type { Boss } from '../jobs/boss.ts';
import { Background } from '../lifecycle/background.ts';
import { Periodic } from '../lifecycle/periodic.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Availability } from '../outage/availability.ts';
import { Delivery } from './delivery.ts';
import { GROUPED_MAX, group } from './grouping.ts';
import type { WebhookObserver } from './observer.ts';
import { PostReports } from './post-reports.ts';
import { Poster, type PosterOptions } from './poster.ts';
import { type SecretSource, SigningSecrets } from './signing-secrets.ts';
import { WebhookQueues, type WebhookQueuesOptions } from './webhook-queues.ts';

/** How long an event may wait to be taken. */
const POLL_SECONDS = 2;
/** Longer, so that a sweep's batches arrive together. */
const GROUP_POLL_SECONDS = 3;
/** Where nothing is grouped: for what a daemon with another configuration has left. */
const UNGROUPED_POLL_SECONDS = 60;
/** Posts that one daemon has taken at most. */
const BATCH_MAX = 50;
/** How long a dead letter may keep the later events of its delegation waiting. */
const UPKEEP_EVERY_MS = 10_000;

export interface WebhooksOptions extends WebhookQueuesOptions, PosterOptions {
  readonly secrets: SecretSource;
  readonly groupBy: 'callee' | null;
  readonly observer?: WebhookObserver | undefined;
  readonly upkeepEveryMs?: number;
}

/**
 * Posts the ledger's events to the webhook's address. Purpose: whoever is responsible learns of a stuck delegation. Its
 * posts hold no connection to the database and share nothing with the sweeps but pg-boss's pool, which each of its
 * statements uses for a moment. Emits webhook.started, webhook.failed, webhook.dead,
 * webhook.secret_unreadable.
 */
export class Webhooks implements Service {
  readonly name = 'webhooks';
  readonly #boss: Pick<Boss, 'pgBoss' | 'work'>;
  readonly #queues: WebhookQueues;
  readonly #delivery: Delivery;
  readonly #isOwn: (source: string) => boolean;
  readonly #upkeep: Periodic;
  readonly #log: EventLog;
  readonly #availability: Availability;
  readonly #options: WebhooksOptions;
  readonly #background: Background;

  constructor(
    boss: Pick<Boss, 'pgBoss' | 'work'>,
    log: EventLog,
    availability: Availability,
    options: WebhooksOptions,
  ) {
    const { pgBoss } = boss;
    this.#boss = boss;
    this.#log = log;
    this.#availability = availability;
    this.#options = options;
    this.#queues = new WebhookQueues(pgBoss, options);
    this.#isOwn = (source) => schemaOf(source) === options.dbSchema;
    const reports = new PostReports(log, options.observer);
    const poster = new Poster(new SigningSecrets(options.secrets, log), options);
    this.#delivery = new Delivery({ boss: pgBoss, queues: this.#queues, poster, isOwn: this.#isOwn, reports });
    this.#background = new Background({ name: this.name, run: (signal, tried) => this.#run(signal, tried) });
    this.#upkeep = new Periodic({
      name: 'webhook upkeep',
      everyMs: options.upkeepEveryMs ?? UPKEEP_EVERY_MS,
      run: (signal) => availability.until(() => this.#maintain(), signal),
      // Never called: a failure is logged and tried again until the service stops.
      onError: () => {},
    });
  }

  /** Resolves after the first attempt to set the queues up, whatever came of it: sweeps do not wait for a webhook. */
  start(): Promise<void> {
    return this.#background.start();
  }

  async stop(): Promise<void> {
    await this.#background.stop();
    await this.#upkeep.stop();
  }

  async #run(signal: AbortSignal, tried: () => void): Promise<void> {
    const { groupBy, url } = this.#options;
    const ensure = () => this.#queues.ensure({ grouped: groupBy !== null }).finally(tried);
    await this.#availability.until(ensure, signal);
    this.#log.emit('webhook.started', { host: new URL(url).host, groupBy });
    await this.#work(signal);
    await this.#upkeep.start();
  }

  async #maintain(): Promise<void> {
    await this.#queues.restore({ grouped: this.#options.groupBy !== null });
    await this.#queues.releaseDead();
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { webhook, group: groupQueue } = this.#queues.names;
    const { pgBoss } = this.#boss;
    const common = { burstWhenBatchFull: true, includeMetadata: true } as const;
    await this.#boss.work(webhook, { pollSeconds: POLL_SECONDS }, (options) =>
      pgBoss.work(
        webhook,
        { ...options, ...common, batchSize: BATCH_MAX, perJobResults: true },
        (jobs: JobWithMetadata<unknown>[]) => this.#delivery.deliver(jobs, signal),
      ),
    );
    const pollSeconds = this.#options.groupBy === null ? UNGROUPED_POLL_SECONDS : GROUP_POLL_SECONDS;
    await this.#boss.work(groupQueue, { pollSeconds }, (options) =>
      pgBoss.work(
        groupQueue,
        { ...options, ...common, batchSize: GROUPED_MAX, transactional: true },
        (jobs: JobWithMetadata<unknown>[], db) =>
          group({ boss: pgBoss, queues: this.#queues, isOwn: this.#isOwn }, jobs, db),
      ),
    );
  }
}

/** `/delegation-sweeper/<database>/<schema>` names the ledger. */
function schemaOf(source: string): string | null {
  try {
    return decodeURIComponent(source.split('/').at(-1)!);
  } catch {
    return null;
  }
}
