import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Database } from '../src/db/schema.ts';
import type { LedgerDatabase } from './ledger-database.ts';

/**
 * A clock that the benchmark moves: the product's own SQL, unchanged, finds a clock_timestamp() that runs ahead of
 * PostgreSQL's, since the sessions here look for functions in the schema `bench` before pg_catalog. So a quarter of an
 * hour of heartbeats, with its bucket crossings, takes as long as its writes.
 */
export class SimulatedClock {
  readonly #db: Kysely<Database>;
  #aheadSeconds = 0;

  private constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  static async open(database: LedgerDatabase): Promise<SimulatedClock> {
    await database.query('CREATE SCHEMA IF NOT EXISTS bench');
    await database.query(`
      CREATE OR REPLACE FUNCTION bench.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
      $$ SELECT pg_catalog.clock_timestamp() + current_setting('bench.ahead')::interval $$`);
    // The function has a search path of its own.
    await database.query(
      'ALTER FUNCTION delegation_heartbeat(text, float8) SET search_path = bench, pg_catalog, public',
    );
    // One session: the setting is the session's.
    return new SimulatedClock(
      database.open({ max: 1, startup: '-c search_path=bench,pg_catalog,public -c bench.ahead=0s' }),
    );
  }

  /** Its session: the ledger or the sweeper made on it lives by this clock. */
  get db(): Kysely<Database> {
    return this.#db;
  }

  async set(aheadSeconds: number): Promise<void> {
    this.#aheadSeconds = aheadSeconds;
    await sql`SELECT set_config('bench.ahead', ${`${aheadSeconds} seconds`}, false)`.execute(this.#db);
  }

  async advance(seconds: number): Promise<void> {
    await this.set(this.#aheadSeconds + seconds);
  }
}
