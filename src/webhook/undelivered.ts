import { boundedRead } from '../db/bounded-read.ts';
import type { LedgerDb } from '../db/schema.ts';
import { sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import { pgBossTables } from '../jobs/pgboss-tables.ts';
import { postsStatement } from './statements/posts.ts';
import { subscribedStatement } from './statements/subscribed.ts';
import { undeliveredStatement } from './statements/undelivered.ts';
import { webhookQueueNames } from './webhook-queues.ts';

/** The server ends a reading's statement after this. */
const STATEMENT_TIMEOUT_MS = 5_000;

/** What is not delivered to the webhook. Counted to 10,000. */
export interface Undelivered {
  /** Posts that were not taken yet, or wait for their next attempt. */
  readonly waiting: number;
  /** How long the oldest of these waits; null when there is none. */
  readonly oldestMs: number | null;
  readonly dead: number;
  /** Null: not in the last day. */
  readonly lastDeliveredAt: Date | null;
}

/** A post that is not delivered. */
export type UndeliveredPost = Awaited<ReturnType<ReturnType<typeof postsStatement>['run']>>[number];

/** Reads one ledger's webhook queues. Bounded in rows and in time. */
export class UndeliveredReader {
  readonly #db: LedgerDb;
  readonly #names: ReturnType<typeof webhookQueueNames>;
  readonly #undelivered: ReturnType<typeof undeliveredStatement>;
  readonly #posts: ReturnType<typeof postsStatement>;
  readonly #subscribed: ReturnType<typeof subscribedStatement>;

  constructor(db: LedgerDb, { dbSchema, pgbossSchema }: { readonly dbSchema: string; readonly pgbossSchema: string }) {
    const tables = pgBossTables(pgbossSchema);
    this.#db = db;
    this.#names = webhookQueueNames(dbSchema);
    this.#undelivered = undeliveredStatement(tables);
    this.#posts = postsStatement(tables);
    this.#subscribed = subscribedStatement(tables);
  }

  /** Null where there is no pg-boss, or this role may not read its jobs. @throws the database's error. */
  async read(): Promise<Undelivered | null> {
    const { webhook, group, dead } = this.#names;
    const values = { queues: [webhook, group], webhook, dead };
    const reading = boundedRead(this.#db, STATEMENT_TIMEOUT_MS, (db) => this.#undelivered.run(db, values));
    return await whereReadable(reading.then(([row]) => row!));
  }

  /** Dead letters first. @throws the database's error. */
  posts(rowsMax: number): Promise<UndeliveredPost[]> {
    const { webhook, group, dead } = this.#names;
    const values = { queues: [webhook, group], dead, rowsMax };
    return boundedRead(this.#db, STATEMENT_TIMEOUT_MS, (db) => this.#posts.run(db, values));
  }

  /** Whether events are queued for the webhook. @throws the database's error. */
  async isSubscribed(): Promise<boolean> {
    const { webhook, group } = this.#names;
    const [row] = await this.#subscribed.run(this.#db, { queues: [webhook, group] });
    return row!.types > 0;
  }
}

/** Null where there is no pg-boss, or this role may not read what was asked. @throws any other error. */
export async function whereReadable<Result>(reading: Promise<Result>): Promise<Result | null> {
  try {
    return await reading;
  } catch (err) {
    const state = sqlstateOf(err);
    if (state === sqlstate.undefinedTable || state === sqlstate.insufficientPrivilege) return null;
    throw err;
  }
}
