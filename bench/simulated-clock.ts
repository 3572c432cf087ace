import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import type { Database } from '../src/db/schema.ts';
import type { LedgerDatabase } from './ledger-database.ts';

/**
 * A clock that the benchmark sets: the product's own SQL, in which only the name of the clock's function is replaced,
 * reads a clock that runs ahead of PostgreSQL's. So a quarter of an hour of heartbeats, with its changes of bucket, takes
 * only as long as its writes.
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
      -- A session without the setting, such as one of before, uses the real clock.
      CREATE OR REPLACE FUNCTION bench.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
        SELECT pg_catalog.clock_timestamp() + coalesce(nullif(current_setting('bench.ahead', true), ''), '0s')::interval $$`);
    await replaceClock(database);
    // One session, since the setting belongs to it.
    return new SimulatedClock(database.open({ max: 1, ...sessionAhead(0) }));
  }

  /** Its session: a ledger or sweeper made on it uses this clock. */
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

/** Also of a text in which it is replaced already. */
const ahead = (text: string) =>
  text.replaceAll(/(?<![\w.])(?:pg_catalog\.)?clock_timestamp\(\)/g, 'bench.clock_timestamp()');

/** The functions and triggers of the schema, which use the system's clock. */
async function replaceClock(database: LedgerDatabase): Promise<void> {
  const definitions = await database.query<{ definition: string }>(`
    SELECT pg_get_functiondef(oid) AS definition FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
    UNION ALL
    SELECT replace(pg_get_triggerdef(oid), 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER') FROM pg_trigger
    -- Constraint triggers cannot be replaced; their WHEN does not read the clock.
    WHERE tgrelid = 'public.delegations'::regclass AND NOT tgisinternal AND tgconstraint = 0`);
  for (const { definition } of definitions) await database.query(ahead(definition));
}

/** Sends the product's statements with the name of the other clock. */
class AheadClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const query = this.query.bind(this) as (...args: unknown[]) => unknown;
    this.query = ((text: unknown, ...rest: unknown[]) =>
      query(typeof text === 'string' ? ahead(text) : text, ...rest)) as typeof this.query;
  }
}

/** How a session that uses this clock connects: to a ledger that has one. */
export function sessionAhead(seconds: number): { readonly startup: string; readonly Client: typeof pg.Client } {
  return { startup: `-c bench.ahead=${seconds}s`, Client: AheadClient };
}
