import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { setNode } from '../../src/db/node/nodes.ts';
import type { Database } from '../../src/db/schema.ts';
import type { TestDatabase } from '../support/database.ts';
import { expectReplayed } from '../support/replay.ts';
import type { Queryable } from '../support/wait-for.ts';
import { storeOf, useCitusLedger } from './citus-ledger.ts';

/**
 * In place of test/support/use-database.ts, for its tests of races (jest.citus.config.js): the sessions and the library are
 * clients of the coordinator, and what the test looks up and prepares is on the node.
 */
export function useDatabase(): Omit<TestDatabase, keyof AsyncDisposable> {
  const ledger = useCitusLedger();
  const clients = new Set<pg.Client>();
  let store: Queryable & AsyncDisposable;
  let db: Kysely<Database>;
  const url = new URL(ledger.url);
  url.searchParams.set('options', `-c search_path=${ledger.schema}`);
  beforeAll(() => {
    store = storeOf(ledger);
    const pool = new pg.Pool({ connectionString: url.href, max: 8 });
    db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }).withSchema(ledger.schema);
    setNode(db, ledger.schema, ledger.shards);
  });
  afterEach(() => expectReplayed(store));
  afterAll(async () => {
    await Promise.all([...clients].map((client) => client.end()));
    await db.destroy();
    await store[Symbol.asyncDispose]();
  });
  return {
    url: url.href,
    name: url.pathname.slice(1),
    get db() {
      return db;
    },
    query: (sql, params) => store.query(sql, params),
    connect: async () => {
      const client = new pg.Client({ connectionString: url.href });
      client.once('end', () => clients.delete(client));
      await client.connect();
      clients.add(client);
      return client;
    },
  };
}
