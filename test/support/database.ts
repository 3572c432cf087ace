import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import type { ServerWithTemplate } from './own-server.ts';
import { databaseUrl, testServer, withClient } from './server.ts';
import { waitFor } from './wait-for.ts';

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** On a small pool. */
  readonly db: Kysely<Database>;
  query<T>(sql: string, params?: unknown[]): Promise<T[]>;
  /** A separate session; closed at disposal if it is still open. */
  connect(): Promise<pg.Client>;
}

/** Serialises copies: a template that is being copied cannot be copied again at the same time (55006). */
const COPY_LOCK = 4_772_118_305;
const POOL_MAX = 8;
const LEAK_GRACE_MS = 1_000;

/** A migrated database for one test. Disposal fails when the test left a session open that it was not given here. */
export async function createTestDatabase(server: ServerWithTemplate = testServer()): Promise<TestDatabase> {
  const name = `test_${process.env.JEST_WORKER_ID ?? 0}_${randomBytes(6).toString('hex')}`;
  await withClient(server.url, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [COPY_LOCK]);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${server.template}`);
  });
  return openDatabase(server.url, name);
}

function openDatabase(serverUrl: string, name: string): TestDatabase {
  const url = databaseUrl(serverUrl, name);
  const pool = new pg.Pool({ connectionString: url, max: POOL_MAX });
  // A test may end backends: the running statement fails, but an idle client must not end the process.
  pool.on('error', () => undefined).on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  const clients = new Set<pg.Client>();
  return {
    url,
    name,
    db,
    query: async <T>(sql: string, params: unknown[] = []) => (await pool.query(sql, params)).rows as T[],
    connect: async () => {
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => undefined);
      client.once('end', () => clients.delete(client));
      await client.connect();
      clients.add(client);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      const closing = Promise.all([...[...clients].map((client) => client.end()), closePool(db, pool)]);
      // Waiting for a pooled session that was never released would never end: the check below names it.
      await Promise.race([closing, sleep(LEAK_GRACE_MS, undefined, { ref: false })]);
      await dropChecked(serverUrl, name);
    },
  };
}

/** Kysely closes its pool only if it has used it. */
async function closePool(db: Kysely<Database>, pool: pg.Pool): Promise<void> {
  await db.destroy();
  if (!pool.ending && !pool.ended) await pool.end();
}

async function dropChecked(serverUrl: string, name: string): Promise<void> {
  await withClient(serverUrl, async (client) => {
    const leaked = async () => {
      const sessions = `SELECT pid, application_name, state, query FROM pg_stat_activity
        WHERE datname = $1 AND backend_type = 'client backend'`;
      return (await client.query(sessions, [name])).rows;
    };
    try {
      // A session that was just closed may still be ending.
      await waitFor('sessions to leave', async () => (await leaked()).length === 0, { timeoutMs: LEAK_GRACE_MS });
    } catch (err) {
      throw new Error(`sessions were left open in ${name}: ${JSON.stringify(await leaked())}`, { cause: err });
    } finally {
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }
  });
}
