import {
  type DatabaseIntrospector,
  type Kysely,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresIntrospector,
  type TableMetadata,
} from 'kysely';
import { tableNamesStatement } from './statements/table-names.ts';

/**
 * PostgreSQL, of which Kysely sees the tables of one schema. Its Migrator asks several times for each migration whether its own
 * tables exist, and would read every column of every schema of the database for that: with a hundred ledgers half a
 * second each time.
 */
export class SchemaDialect extends PostgresDialect {
  readonly #schema: string;

  constructor(config: PostgresDialectConfig, schema: string) {
    super(config);
    this.#schema = schema;
  }

  // biome-ignore lint/suspicious/noExplicitAny: as Kysely declares it.
  override createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new SchemaIntrospector(db, this.#schema);
  }
}

class SchemaIntrospector extends PostgresIntrospector {
  // biome-ignore lint/suspicious/noExplicitAny: as in LedgerDb.
  readonly #ledger: Kysely<any>;
  readonly #schema: string;

  // biome-ignore lint/suspicious/noExplicitAny: as Kysely declares it.
  constructor(db: Kysely<any>, schema: string) {
    super(db);
    this.#ledger = db;
    this.#schema = schema;
  }

  /** Names alone: nothing here asks for columns. */
  override async getTables(): Promise<TableMetadata[]> {
    const tables = await tableNamesStatement().run(this.#ledger, { schema: this.#schema });
    return tables.map(({ name }) => ({ name, schema: this.#schema, isView: false, isForeign: false, columns: [] }));
  }
}
