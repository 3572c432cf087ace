import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { type ConnectionOptions, poolConfig } from './connection.ts';
import { outlivingIdleTimeouts } from './idle-closed.ts';
import type { Database } from './schema.ts';

export interface DatabaseHandle extends AsyncDisposable {
  /** Addresses the tables in the schema asked for. */
  readonly db: Kysely<Database>;
  readonly pool: pg.Pool;
}

/** Opens no connection yet. Disposing it closes all of them, once each is returned. */
export function openDatabase(options: ConnectionOptions & { readonly schema: string }): DatabaseHandle {
  const pool = new pg.Pool(poolConfig(options));
  // An idle connection that the server closes says so here; the next query opens another. Unheard it ends the process.
  pool.on('error', () => {});
  const root = new Kysely<Database>({ dialect: new PostgresDialect({ pool: outlivingIdleTimeouts(pool) }) });
  return {
    db: root.withSchema(options.schema),
    pool,
    [Symbol.asyncDispose]: () => root.destroy(),
  };
}
