import { Kysely, type LogEvent, PostgresDialect, type PostgresPool } from 'kysely';
import pg from 'pg';
import { installSchemas } from '../src/compose/install.ts';
import type { Database } from '../src/db/schema.ts';
import type { BenchServer } from './server.ts';

/** A database with the ledger's schema, as `migrate up` makes it. */
export class LedgerDatabase implements AsyncDisposable {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly db: Kysely<Database>;
  readonly #drop: () => Promise<void>;
  readonly #others: (() => Promise<void>)[] = [];

  constructor(url: string, drop: () => Promise<void>) {
    this.url = url;
    this.#drop = drop;
    this.pool = poolOf(url, 4);
    this.db = kyselyOf(this.pool);
  }

  async query<Row extends object>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query(sql, parameters)).rows as Row[];
  }

  /** A separate Kysely: with this many connections, a clock that runs ahead, or a listener for its queries. */
  open(
    options: { max?: number; log?: (event: LogEvent) => void; startup?: string; Client?: typeof pg.Client } = {},
  ): Kysely<Database> {
    const { max = 4, log, startup, Client } = options;
    const db = kyselyOf(poolOf(this.url, max, startup, Client), log);
    this.#others.push(() => db.destroy());
    return db;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#others) await close();
    if (!this.pool.ended) await this.pool.end();
    await this.#drop();
  }
}

export function poolOf(url: string, max: number, startup?: string, Client?: typeof pg.Client): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    ...(startup && { options: startup }),
    ...(Client && { Client }),
  });
  pool.on('error', () => {});
  return pool;
}

export function kyselyOf(pool: PostgresPool, log?: (event: LogEvent) => void): Kysely<Database> {
  const dialect = new PostgresDialect({ pool });
  return new Kysely<Database>({ dialect, ...(log && { log }) }).withSchema('public');
}

const TEMPLATE = 'ledger_template';

/** The migrated, empty database from which the others are copied. */
export class LedgerTemplate {
  readonly #server: BenchServer;
  #made = 0;

  private constructor(server: BenchServer) {
    this.#server = server;
  }

  static async create(server: BenchServer): Promise<LedgerTemplate> {
    await server.command(`CREATE DATABASE ${TEMPLATE}`);
    await installSchemas({ location: { url: server.urlOf(TEMPLATE) }, dbSchema: 'public', pgbossSchema: 'pgboss' });
    return new LedgerTemplate(server);
  }

  async copy(): Promise<LedgerDatabase> {
    this.#made += 1;
    const name = `ledger_${this.#made}`;
    await this.#server.command(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
    return new LedgerDatabase(this.#server.urlOf(name), () =>
      this.#server.command(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    );
  }
}
