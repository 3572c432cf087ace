import { promises as fs } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Kysely, sql } from 'kysely';
import { finish, prepare } from './finishing/finish.ts';
import {
  kyselyMigration,
  type Migration,
  type MigrationProvider,
  type MigrationResult,
  type Migrator,
} from './kysely-migration.ts';
import { LOCK_GIVE_UP_MS_DEFAULT, LOCK_TIMEOUT_MS, retryWhileLocked } from './migration-retry.ts';
import type { Database } from './schema.ts';
import { sqlstate, sqlstateOf } from './sqlstate.ts';

/** Next to src/ in a checkout, next to the compiled src/ in dist/. */
const migrationFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Kysely's own tables, named so that they cannot collide with those of an application in the same schema. */
const bookkeeping = {
  migrationTableName: 'delegation_sweeper_migrations',
  migrationLockTableName: 'delegation_sweeper_migrations_lock',
};

/** Runs each migration with only the target schema on its transaction's search path, and with a short lock timeout. */
class SchemaMigrations implements MigrationProvider {
  readonly #schema: string;
  readonly #files: MigrationProvider;

  constructor(schema: string, files: MigrationProvider) {
    this.#schema = schema;
    this.#files = files;
  }

  async getMigrations(): Promise<Record<string, Migration>> {
    const migrations = await this.#files.getMigrations();
    return Object.fromEntries(
      Object.entries(migrations).map(([name, { up, down }]) => [
        name,
        { up: this.#inSchema(up), ...(down && { down: this.#inSchema(down) }) },
      ]),
    );
  }

  #inSchema(run: Migration['up']): Migration['up'] {
    return async (db) => {
      await sql`
        SELECT set_config('search_path', quote_ident(${this.#schema}), true),
          set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, true), set_config('statement_timeout', '0', true),
          set_config('standard_conforming_strings', 'on', true),
          -- Citus: the triggers of a distributed schema see the rows of their own node alone, where all of them are. Its
          -- connections to a node are one, so that foreign keys can be changed. Elsewhere these settings say nothing.
          set_config('citus.enable_unsafe_triggers', 'on', true),
          set_config('citus.multi_shard_modify_mode', 'sequential', true)`.execute(db);
      await run(db);
    };
  }
}

async function migrator(db: Kysely<Database>, schema: string): Promise<Migrator> {
  const { FileMigrationProvider, Migrator } = await kyselyMigration();
  const load = (file: string) => import(pathToFileURL(file).href);
  return new Migrator({
    db,
    provider: new SchemaMigrations(schema, new FileMigrationProvider({ fs, path, migrationFolder, import: load })),
    migrationTableSchema: schema,
    ...bookkeeping,
  });
}

export interface MigrateUpOptions {
  /** How long to go on trying to get the locks, in milliseconds. Default ten minutes. */
  readonly giveUpAfterMs?: number;
}

/**
 * Applies every pending migration, each in its own transaction, while agents work: none of their statements waits
 * for it longer than a second. When it cannot get a lock at once it gives up and tries again. Then it does the work that
 * grows with the tables (finishing/). Safe to run twice at once, and after it was interrupted.
 * A database that is newer than this code is left unchanged.
 * @throws MigrationBlockedError, or the database's error; what was applied before stays.
 */
export async function applyMigrations(
  db: Kysely<Database>,
  schema: string,
  { giveUpAfterMs = LOCK_GIVE_UP_MS_DEFAULT }: MigrateUpOptions = {},
): Promise<MigrationResult[]> {
  const { applied, pending, unknown } = await schemaVersion(db, schema);
  if (pending.length === 0 && unknown.length > 0) return [];
  if (applied.length > 0) await prepare(db, schema, giveUpAfterMs);
  const migrations = await migrator(db, schema);
  const results: MigrationResult[] = [];
  for (;;) {
    const step = await retryWhileLocked(async () => settled(await migrations.migrateUp()), giveUpAfterMs);
    if (step.length === 0) break;
    results.push(...step);
  }
  await finish(db, schema, giveUpAfterMs);
  return results;
}

/** Reverts every migration, the last first. The ledger's data are deleted with the tables. */
export async function migrateDown(db: Kysely<Database>, schema: string): Promise<MigrationResult[]> {
  const [migrations, { NO_MIGRATIONS }] = [await migrator(db, schema), await kyselyMigration()];
  const down = async () => settled(await migrations.migrateTo(NO_MIGRATIONS));
  return retryWhileLocked(down, LOCK_GIVE_UP_MS_DEFAULT);
}

function settled({ error, results }: { error?: unknown; results?: MigrationResult[] }): MigrationResult[] {
  if (error !== undefined) throw error;
  return results ?? [];
}

export interface SchemaVersion {
  /** The newest migration that the database has; null before the first. */
  readonly current: string | null;
  /** Migrations that the database has, in order. */
  readonly applied: readonly string[];
  /** Migrations that this code needs and the database lacks, in order. */
  readonly pending: readonly string[];
  /** Migrations that the database has and this code does not know: it is newer, which is accepted. */
  readonly unknown: readonly string[];
}

/** Compares the database's migrations with those that this code needs. Reads one small table; throws the database's error. */
export async function schemaVersion(db: Kysely<Database>, schema: string): Promise<SchemaVersion> {
  const known = (await fs.readdir(migrationFolder))
    .filter((file) => /^\d{4}_[a-z0-9_]+\.(ts|js)$/.test(file))
    .map((file) => path.parse(file).name)
    .sort();
  const applied = await appliedMigrations(db, schema);
  return {
    current: applied.at(-1) ?? null,
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}

async function appliedMigrations(db: Kysely<Database>, schema: string): Promise<string[]> {
  const table = sql.id(schema, bookkeeping.migrationTableName);
  try {
    const { rows } = await sql<{ name: string }>`SELECT name FROM ${table} ORDER BY name`.execute(db);
    return rows.map(({ name }) => name);
  } catch (err) {
    const state = sqlstateOf(err);
    if (state === sqlstate.undefinedTable || state === sqlstate.invalidSchemaName) return [];
    throw err;
  }
}
