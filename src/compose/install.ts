import type { Kysely } from 'kysely';
import type { ConnectionOptions, DatabaseLocation } from '../db/connection.ts';
import { openDatabase } from '../db/database.ts';
import { migrateDown, type SchemaVersion, schemaVersion } from '../db/migrator.ts';
import type { Database } from '../db/schema.ts';
import { jobInsertion } from '../jobs/job-insertion.ts';
import { installPgBoss } from '../jobs/pgboss-schema.ts';
import { installedVersion, requiredVersion } from '../jobs/pgboss-version.ts';
import { enqueueFunctions } from '../ledger/functions/enqueue.ts';
import { installFunctions } from '../ledger/functions/install.ts';
import { migrateUp } from '../ledger/migrate-up.ts';
import { requireEncoding, requirePlacement } from './ledger-schema.ts';

export interface InstallOptions {
  readonly location: DatabaseLocation;
  readonly dbSchema: string;
  readonly pgbossSchema: string;
}

export interface InstallStatus {
  readonly ledger: SchemaVersion;
  readonly pgboss: { readonly installed: number | null; readonly required: number };
}

/** Without a query timeout: a migration may take any time. */
export const connectionOf = ({ location }: InstallOptions): ConnectionOptions => ({
  location,
  max: 1,
  applicationName: 'delegation-sweeper migrate',
  queryTimeoutMs: 0,
});

/** Installs both schemas and what connects them, or brings them up to date. Returns the ledger migrations applied now. @throws CommandError, or the database's error. */
export async function installSchemas(options: InstallOptions): Promise<string[]> {
  await using handle = openDatabase({ ...connectionOf(options), schema: options.dbSchema });
  await requireEncoding(handle.db);
  await requirePlacement(handle.db, options);
  const results = await migrateUp(handle.db, options.dbSchema);
  await installPgBoss(handle.db, connectionOf(options), options.pgbossSchema);
  await installPublishing(handle.db, options);
  return results.map(({ migrationName }) => migrationName);
}

/** The functions through which the ledger's events reach pg-boss. A ledger that is newer than this code keeps its own. */
async function installPublishing(db: Kysely<Database>, { dbSchema, pgbossSchema }: InstallOptions): Promise<void> {
  const { unknown } = await schemaVersion(db, dbSchema);
  if (unknown.length > 0) return;
  await installFunctions(db, dbSchema, enqueueFunctions(await jobInsertion(pgbossSchema)));
}

/** Drops the ledger's tables with their data. pg-boss's schema stays, since it may be shared. */
export async function removeLedger(options: InstallOptions): Promise<string[]> {
  await using handle = openDatabase({ ...connectionOf(options), schema: options.dbSchema });
  await requirePlacement(handle.db, options);
  const results = await migrateDown(handle.db, options.dbSchema);
  return results.map(({ migrationName }) => migrationName);
}

export async function installStatus(options: InstallOptions): Promise<InstallStatus> {
  await using handle = openDatabase({ ...connectionOf(options), schema: options.dbSchema });
  return {
    ledger: await schemaVersion(handle.db, options.dbSchema),
    pgboss: { installed: await installedVersion(handle.db, options.pgbossSchema), required: requiredVersion },
  };
}
