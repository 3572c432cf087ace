import type { ConnectionOptions, DatabaseLocation } from '../db/connection.ts';
import { openDatabase } from '../db/database.ts';
import { migrateDown, type SchemaVersion, schemaVersion } from '../db/migrator.ts';
import { installedVersion, installPgBoss, requiredVersion } from '../jobs/pgboss-schema.ts';
import { migrateUp } from '../ledger/migrate-up.ts';
import { requireEncoding } from './ledger-schema.ts';

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

/** Installs both schemas, or brings them up to date. Returns the ledger migrations applied now. @throws CommandError, or the database's error. */
export async function installSchemas(options: InstallOptions): Promise<string[]> {
  await using handle = openDatabase({ ...connectionOf(options), schema: options.dbSchema });
  await requireEncoding(handle.db);
  const results = await migrateUp(handle.db, options.dbSchema);
  await installPgBoss(handle.db, connectionOf(options), options.pgbossSchema);
  return results.map(({ migrationName }) => migrationName);
}

/** Drops the ledger's tables with their data. pg-boss's schema stays, since it may be shared. */
export async function removeLedger(options: InstallOptions): Promise<string[]> {
  await using handle = openDatabase({ ...connectionOf(options), schema: options.dbSchema });
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
