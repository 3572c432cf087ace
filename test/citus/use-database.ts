import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { setNode } from '../../src/db/node/nodes.ts';
import { onNode, type Shards } from '../../src/db/node/on-node.ts';
import type { Database } from '../../src/db/schema.ts';
import type { TestDatabase } from '../support/database.ts';
import { expectReplayed } from '../support/replay.ts';
import type { UseDatabaseOptions } from '../support/use-database.ts';
import type { Queryable } from '../support/wait-for.ts';
import { storeOf, useCitusLedger } from './citus-ledger.ts';

/**
 * In place of test/support/use-database.ts, for its tests of races (jest.citus.config.js): the library is a client of the
 * coordinator. What the test looks up and prepares, and the sessions by which it keeps locks or shows what a naive statement does, which
 * Citus would refuse, are on the node.
 */
export function useDatabase({
  per = 'file',
}: Pick<UseDatabaseOptions, 'per'> = {}): Omit<TestDatabase, keyof AsyncDisposable> {
  const clients = new Set<pg.Client>();
  let store: Queryable & AsyncDisposable;
  let db: Kysely<Database>;
  // Jest runs these hooks in the order of their definition: sessions that are left open would stop the drop of the schema.
  afterEach(() => expectReplayed(store));
  (per === 'file' ? afterAll : afterEach)(async () => {
    await Promise.all([...clients].map((client) => client.end()));
    await db.destroy();
    await store[Symbol.asyncDispose]();
  });
  const ledger = useCitusLedger({ per });
  const url = new URL(ledger.url);
  url.searchParams.set('options', `-c search_path=${ledger.schema}`);
  (per === 'file' ? beforeAll : beforeEach)(() => {
    store = storeOf(ledger);
    const pool = new pg.Pool({ connectionString: url.href, max: 8 });
    db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }).withSchema(ledger.schema);
    setNode(db, ledger.schema, ledger.shards);
  });
  return {
    url: url.href,
    name: url.pathname.slice(1),
    get db() {
      return db;
    },
    query: (sql, params) => store.query(sql, params),
    connect: async () => {
      const client = new NodeClient({ connectionString: await ledger.nodeUrl() }, ledger.shards);
      client.once('end', () => clients.delete(client));
      await client.connect();
      clients.add(client);
      return client;
    },
  };
}

/** Sends SQL with the names of the node. */
class NodeClient extends pg.Client {
  readonly #shards: Shards;

  constructor(config: pg.ClientConfig, shards: Shards) {
    super(config);
    this.#shards = shards;
  }

  // biome-ignore lint/suspicious/noExplicitAny: pg declares eight forms of it
  override query(text: any, ...values: any[]): any {
    return super.query(typeof text === 'string' ? onNode(text, this.#shards) : text, ...values);
  }
}
