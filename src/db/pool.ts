import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, type PostgresPool } from 'kysely';
import pg from 'pg';
import { ClientGroup } from './client-group.ts';
import { type ConnectionOptions, type DatabaseLocation, poolConfig } from './connection.ts';
import { outlivingIdleTimeouts } from './idle-closed.ts';
import { leadsTo } from './node/nodes.ts';
import type { Database } from './schema.ts';
import { SchemaDialect } from './schema-dialect.ts';

/** A pool through which no fault of the database can end the process, and which can be closed within a time limit. */
export interface LedgerPool {
  readonly pool: pg.Pool;
  /** Waits at most `withinMs` for queries under way, then ends them. */
  close(withinMs: number): Promise<void>;
}

/** Where each pool leads, by its options, which those who share it have as well. */
const locations = new WeakMap<object, DatabaseLocation>();

/** Opens no connection yet. */
export function openPool(options: ConnectionOptions): LedgerPool {
  const group = new ClientGroup();
  const pool = new pg.Pool(poolConfig(options, group));
  locations.set(pool.options, options.location);
  // An idle connection that the server closes emits this; the next query opens another. Without a listener the process ends.
  pool.on('error', () => {});
  return {
    pool,
    async close(withinMs) {
      const ended = pool.ending ? undefined : pool.end();
      const timer = new AbortController();
      const late = sleep(withinMs, undefined, { signal: timer.signal }).catch(() => {});
      await Promise.race([ended, late]);
      timer.abort();
      group.cutAll(new Error('the pool was closed'));
    },
  };
}

/** The ledger's tables in this schema, through this pool. */
export function databaseOn(pool: PostgresPool, schema: string): Kysely<Database> {
  const db = new Kysely<Database>({ dialect: new SchemaDialect({ pool: outlivingIdleTimeouts(pool) }, schema) });
  leadsTo(db, locations.get(pool.options) ?? pool);
  return db.withSchema(schema);
}
