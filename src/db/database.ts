import type { Kysely } from 'kysely';
import type pg from 'pg';
import type { ConnectionOptions } from './connection.ts';
import { databaseOn, openPool } from './pool.ts';
import type { Database } from './schema.ts';

export interface DatabaseHandle extends AsyncDisposable {
  /** Addresses the tables in the schema asked for. */
  readonly db: Kysely<Database>;
  readonly pool: pg.Pool;
}

/** Opens no connection yet. Disposing it closes all of them, once each is returned. */
export function openDatabase(options: ConnectionOptions & { readonly schema: string }): DatabaseHandle {
  const { pool } = openPool(options);
  const db = databaseOn(pool, options.schema);
  return { db, pool, [Symbol.asyncDispose]: () => db.destroy() };
}
