import type { Kysely } from 'kysely';
import { readPlacement } from '../db/citus/placement.ts';
import type { MigrationResult } from '../db/kysely-migration.ts';
import { applyMigrations, type MigrateUpOptions, schemaVersion } from '../db/migrator.ts';
import type { Database } from '../db/schema.ts';
import { installFunctions } from './functions/install.ts';
import { distribute, installNode, makeNodeTable, removeNode, undistribute } from './functions/install-node.ts';
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
  const before = await readPlacement(db, { dbSchema: schema });
  // Citus cannot run all of the earlier migrations on distributed tables: an empty schema is distributed again after them.
  const isEmptyNode = before.kind === 'distributed' && before.shards.delegations === undefined;
  if (isEmptyNode) await undistribute(db, schema);
  const results = await applyMigrations(db, schema, options);
  if (isEmptyNode) await distribute(db, schema);
  const { unknown } = await schemaVersion(db, schema);
  if (unknown.length > 0) return results;
  // Only now: the migrations may have made the tables.
  let placement = await readPlacement(db, { dbSchema: schema });
  if (placement.kind === 'distributed') {
    await makeNodeTable(db, schema);
    placement = await readPlacement(db, { dbSchema: schema });
  }
  if (placement.kind === 'distributed') await installNode(db, schema, placement.shards);
  else await removeNode(db, schema);
  await installFunctions(db, schema, schemaFunctions, placement.kind === 'distributed' ? placement.shards : undefined);
  return results;
}
