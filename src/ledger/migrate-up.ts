import type { Kysely } from 'kysely';
import type { MigrationResult } from '../db/kysely-migration.ts';
import { applyMigrations, type MigrateUpOptions, schemaVersion } from '../db/migrator.ts';
import type { Database } from '../db/schema.ts';
import { installFunctions } from './functions/install.ts';
import { schemaFunctions } from './functions/schema-functions.ts';

/**
 * Brings the schema to what this code needs while agents work: migrations, indexes, then the functions. Safe to run twice
 * at once, and after it was interrupted. A database that is newer than this code is left as it is.
 * @throws MigrationBlockedError, or the database's error; what was applied before stays.
 */
export async function migrateUp(
  db: Kysely<Database>,
  schema: string,
  options: MigrateUpOptions = {},
): Promise<MigrationResult[]> {
  const results = await applyMigrations(db, schema, options);
  const { unknown } = await schemaVersion(db, schema);
  if (unknown.length === 0) await installFunctions(db, schema, schemaFunctions);
  return results;
}
