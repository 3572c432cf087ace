import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { MigrationBlockedError, retryWhileLocked } from '../migration-retry.ts';
import type { Database } from '../schema.ts';
import { sqlstate } from '../sqlstate.ts';

/** An index that is built and dropped while agents write. */
export interface OnlineIndex {
  readonly name: string;
  readonly table: string;
  /** SQL: its columns, and its predicate, if it has one. Statuses are literals, as in a migration. */
  readonly columns: string;
  readonly where?: string;
  readonly isUnique?: boolean;
}

/** `building`: by another session. `invalid`: left by an interrupted build. */
type IndexState = 'missing' | 'building' | 'invalid' | 'valid';

const POLL_MS = 200;

/**
 * Builds the index unless it is there, and builds one again that is invalid. CREATE INDEX CONCURRENTLY stops no writer; it
 * waits for the transactions that are older than itself. Idempotent, and safe to run twice at once.
 * @throws MigrationBlockedError, or the database's error.
 */
export async function buildOnline(
  db: Kysely<Database>,
  schema: string,
  index: OnlineIndex,
  giveUpAfterMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + giveUpAfterMs;
  // In a deadlock with another session's build, which waits for this session's snapshot, the one that loses tries again.
  await retryWhileLocked(async () => {
    for (;;) {
      const state = await indexState(db, schema, index.name);
      if (state === 'valid') return;
      if (state === 'building') {
        if (performance.now() >= giveUpAt) throw new MigrationBlockedError(giveUpAfterMs, rivalBuilds(index.name));
        await sleep(POLL_MS);
        continue;
      }
      if (state === 'invalid') await dropOnline(db, schema, index.name);
      await patiently(db, (connection) =>
        sql`CREATE ${sql.raw(index.isUnique ? 'UNIQUE' : '')} INDEX CONCURRENTLY IF NOT EXISTS ${sql.id(index.name)}
          ON ${sql.id(schema, index.table)} ${sql.raw(index.columns)}
          ${sql.raw(index.where === undefined ? '' : `WHERE ${index.where}`)}`.execute(connection),
      );
    }
  }, giveUpAfterMs);
}

/** Drops it if it exists, without a lock that blocks a writer. */
export async function dropOnline(db: Kysely<Database>, schema: string, name: string): Promise<void> {
  if ((await indexState(db, schema, name)) === 'missing') return;
  await patiently(db, (connection) =>
    sql`DROP INDEX CONCURRENTLY IF EXISTS ${sql.id(schema, name)}`.execute(connection),
  );
}

async function indexState(db: Kysely<Database>, schema: string, name: string): Promise<IndexState> {
  const { rows } = await sql<{ state: IndexState }>`
    SELECT CASE WHEN i.indisvalid THEN 'valid'
      WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
        THEN 'building'
      ELSE 'invalid' END AS state
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND c.relname = ${name}`.execute(db);
  return rows[0]?.state ?? 'missing';
}

/**
 * Runs it without time limits. Neither statement runs in a transaction, so limits that the server, the database or the
 * role sets are lifted for the session and restored afterwards, since behind a pooler other clients use the session.
 */
async function patiently(
  db: Kysely<Database>,
  work: (connection: Kysely<Database>) => Promise<unknown>,
): Promise<void> {
  await db.connection().execute(async (connection) => {
    const { rows } = await sql<{ name: string }>`
      SELECT name FROM pg_catalog.pg_settings
      WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout') AND setting <> '0'`.execute(
      connection,
    );
    for (const { name } of rows) await sql`SET ${sql.id(name)} = 0`.execute(connection);
    try {
      await work(connection);
    } finally {
      for (const { name } of rows) await sql`RESET ${sql.id(name)}`.execute(connection);
    }
  });
}

function rivalBuilds(name: string): Error & { code: string } {
  return Object.assign(new Error(`another session is building the index ${name}`), { code: sqlstate.lockNotAvailable });
}
