import { isOnNode } from '../db/node/nodes.ts';
import type { LedgerDb } from '../db/schema.ts';
import { eventTypes } from '../events/event-types.ts';
import { WEBHOOK_QUEUES } from '../events/webhook-queue-names.ts';
import { pgBossTables } from '../jobs/pgboss-tables.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Availability } from '../outage/availability.ts';
import { subscriptionsStatement } from './statements/subscriptions.ts';
import { webhookQueueNames } from './webhook-queues.ts';

export interface UnservedOptions {
  readonly dbSchema: string;
  readonly pgbossSchema: string;
}

/** Queues that subscribe to what happens on a node of Citus, where pg-boss is not. */
export interface Unserved {
  readonly types: string[];
  readonly queues: string[];
}

/** Those of holds are published by the coordinator. */
const ofNode = eventTypes.filter((type) => type.startsWith('delegation.'));

/** Null where nobody subscribes. Another ledger's webhook is not meant. @throws the database's error. */
export async function readUnserved(
  db: LedgerDb,
  { dbSchema, pgbossSchema }: UnservedOptions,
): Promise<Unserved | null> {
  const own = Object.values(webhookQueueNames(dbSchema));
  const webhooks = new RegExp(WEBHOOK_QUEUES);
  const rows = await subscriptionsStatement(pgBossTables(pgbossSchema)).run(db, { types: ofNode });
  const meant = rows.filter(({ queue }) => own.includes(queue) || !webhooks.test(queue));
  if (meant.length === 0) return null;
  const distinct = (values: readonly string[]) => [...new Set(values)].sort();
  return { types: distinct(meant.map(({ type }) => type)), queues: distinct(meant.map(({ queue }) => queue)) };
}

/** Says once, when the daemon begins to serve the ledger, that subscriptions get nothing of it. Emits event.unserved. */
export class UnservedSubscriptions implements Service {
  readonly name = 'subscriptions';
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #availability: Availability;
  readonly #options: UnservedOptions;
  readonly #aborter = new AbortController();

  constructor(db: LedgerDb, log: EventLog, availability: Availability, options: UnservedOptions) {
    this.#db = db;
    this.#log = log;
    this.#availability = availability;
    this.#options = options;
  }

  /** After the gate, which looks where the ledger is, and the webhook, which subscribes. */
  async start(): Promise<void> {
    if (!isOnNode(this.#db, this.#options.dbSchema)) return;
    const read = () => readUnserved(this.#db, this.#options);
    const unserved = await this.#availability.until(read, this.#aborter.signal);
    if (unserved !== null) this.#log.emit('event.unserved', unserved);
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
  }
}
