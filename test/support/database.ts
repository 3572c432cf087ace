import { randomBytes } from 'node:crypto';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { heldSessions } from './held-sessions.ts';
import { type Kept, keptOf, type Original, readOriginal, restore, type UnusedDatabase } from './kept-databases.ts';
import type { ServerWithTemplate } from './own-server.ts';
import { prepareStatementsIn } from './prepared-statements.ts';
import { copiesOf, databaseUrl, testServer, withClient } from './server.ts';
import { waitFor } from './wait-for.ts';

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** On a small pool. */
  readonly db: Kysely<Database>;
  query<T>(sql: string, params?: unknown[]): Promise<T[]>;
  /** A separate session; closed at disposal or reset if it is still open. */
  connect(): Promise<pg.Client>;
}

export interface ResettableDatabase extends TestDatabase {
  /**
   * Makes it as it was at first, for the next test: the sessions of its pool stay, which know its tables by now. False when
   * something was changed or left that needs another database.
   */
  reset(): Promise<boolean>;
}

/** Serialises copies: a template that is being copied cannot be copied again at the same time (55006). */
const COPY_LOCK = 4_772_118_305;
const POOL_MAX = 8;
/** In so many looks in a row a session is neither used nor closed: nobody will. Counted, for a busy machine looks late, too. */
const UNUSED_LOOKS = 30;

/**
 * A migrated database for one test. Disposal fails when the test left a session open that it was not given here. What a
 * test has changed only in its rows gets them back, and is used again with its sessions; `fresh`: for a test that looks at pages or plans.
 */
export async function createTestDatabase(
  server: ServerWithTemplate = testServer(),
  { fresh = false }: { readonly fresh?: boolean } = {},
): Promise<ResettableDatabase> {
  const kept = fresh || server.url !== process.env.TEST_DATABASE_URL ? undefined : keptOf(server.template);
  const { name, pool } = kept?.unused.pop() ?? openPool(server.url, await copyTemplate(server, kept), kept);
  return openDatabase(server.url, name, pool, kept);
}

async function copyTemplate(server: ServerWithTemplate, kept: Kept | undefined): Promise<string> {
  const name = `${copiesOf(server.template)}${process.env.JEST_WORKER_ID ?? 0}_${randomBytes(6).toString('hex')}`;
  await withClient(server.url, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [COPY_LOCK]);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${server.template} STRATEGY file_copy`);
  });
  if (kept && !kept.original) kept.original = await withClient(databaseUrl(server.url, name), readOriginal);
  return name;
}

function openPool(serverUrl: string, name: string, kept: Kept | undefined): UnusedDatabase {
  if (kept) prepareStatementsIn(name);
  // What its sessions prepare is planned once, not anew for its first five uses.
  const settings = kept && { options: '-c plan_cache_mode=force_generic_plan' };
  const pool = new pg.Pool({
    connectionString: databaseUrl(serverUrl, name),
    max: POOL_MAX,
    // The sessions of a kept one do not hold the worker when all files have been tested.
    allowExitOnIdle: kept !== undefined,
    ...settings,
  });
  // A test may end backends: the running statement fails, but an idle client must not end the process.
  pool.on('error', () => undefined).on('connect', (client) => client.on('error', () => undefined));
  return { name, pool };
}

function openDatabase(serverUrl: string, name: string, pool: pg.Pool, kept: Kept | undefined): ResettableDatabase {
  const url = databaseUrl(serverUrl, name);
  let isDisposed = false;
  /** Something was changed or left that cannot be put back. */
  let isSpoilt = false;
  /** What a test left running does not go on in the database of another. */
  const ofThisTest = () => {
    if (isDisposed) throw new Error(`${name} was disposed of: something of its test still runs`);
    return pool;
  };
  const dialect = new PostgresDialect({
    pool: { options: pool.options, connect: async () => ofThisTest().connect(), end: async () => undefined },
  });
  const db = new Kysely<Database>({ dialect });
  const clients = new Set<pg.Client>();
  const reset = async () => {
    if (!kept?.original || isSpoilt) return false;
    const closing = Promise.allSettled([...clients].map((client) => client.end()));
    isSpoilt = !(await resetPool(pool, name, kept.original).catch(() => false));
    await closing;
    return !isSpoilt;
  };
  return {
    url,
    name,
    db,
    reset,
    query: async <T>(sql: string, params: unknown[] = []) => (await ofThisTest().query(sql, params)).rows as T[],
    connect: async () => {
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => undefined);
      client.once('end', () => clients.delete(client));
      await client.connect();
      clients.add(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      if (isDisposed) return;
      isDisposed = true;
      if (kept && (await reset())) {
        kept.unused.push({ name, pool });
        return;
      }
      // A pooled session that was never released would be waited for without an end: the check below names it.
      const closing = Promise.all([...[...clients].map((client) => client.end()), pool.end()]);
      closing.catch(() => undefined);
      await dropChecked(serverUrl, name);
      await closing;
    },
  };
}

/** What a session may have kept from a test, but for what it knows of tables and functions; and its counts, at once. */
const CLEAR_SESSION = `CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all();
  DISCARD TEMP; DISCARD SEQUENCES; SELECT pg_stat_force_next_flush()`;

async function clearSession(session: pg.ClientBase): Promise<number> {
  await session.query(CLEAR_SESSION);
  return (await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;
}

/** False when a session of the pool is in use, or there are others. */
async function resetPool(pool: pg.Pool, name: string, original: Original): Promise<boolean> {
  if (pool.ending || pool.idleCount < pool.totalCount) return false;
  const sessions = await Promise.all(Array.from({ length: pool.idleCount || 1 }, () => pool.connect()));
  try {
    const pids = await Promise.all(sessions.map(clearSession));
    await sessionsLeave(sessions[0]!, name, pids);
    return await restore(sessions[0]!, original);
  } finally {
    for (const session of sessions) session.release();
  }
}

interface LeftSession {
  readonly pid: number;
  readonly application_name: string;
  readonly state: string;
  readonly query: string;
}

/** A session that was just closed, by a test or by the end of a program, may still be ending: one that was not is an error. */
async function sessionsLeave(client: pg.ClientBase, name: string, besides: readonly number[] = []): Promise<void> {
  const sessions = `SELECT pid, application_name, state, query FROM pg_stat_activity
    WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND pid <> ALL ($2::int[])`;
  let left: LeftSession[] = [];
  let unusedLooks = 0;
  const isOver = async () => {
    left = (await client.query<LeftSession>(sessions, [name, besides])).rows;
    const held = heldSessions(name);
    const isUnused = left.some(({ pid, state }) => state !== 'active' && held.includes(pid));
    unusedLooks = isUnused ? unusedLooks + 1 : 0;
    return left.length === 0 || unusedLooks === UNUSED_LOOKS;
  };
  await waitFor(`sessions to leave ${name}`, isOver).catch((err: unknown) => {
    throw leftOpen(name, left, err);
  });
  if (left.length > 0) throw leftOpen(name, left);
}

const leftOpen = (name: string, left: readonly LeftSession[], cause?: unknown) =>
  new Error(`sessions were left open in ${name}: ${JSON.stringify(left)}`, { cause });

async function dropChecked(serverUrl: string, name: string): Promise<void> {
  await withClient(serverUrl, async (client) => {
    try {
      await sessionsLeave(client, name);
    } finally {
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }
  });
}
