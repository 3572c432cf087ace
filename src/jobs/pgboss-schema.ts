import type { Kysely } from 'kysely';
import { PgBoss } from 'pg-boss';
import manifest from 'pg-boss/package.json' with { type: 'json' };
import { type ConnectionOptions, poolConfig } from '../db/connection.ts';
import type { Database } from '../db/schema.ts';
import { sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import { pgBossTables, verbatim } from './pgboss-tables.ts';
import { pgBossVersionStatement } from './statements/pgboss-version.ts';

/** The schema version that this release of pg-boss works with; it does not export it. */
export const requiredVersion: number = manifest.pgboss.schema;

/** The version installed, null when there is none. @throws the database's error. */
export async function installedVersion(db: Kysely<Database>, pgbossSchema: string): Promise<number | null> {
  try {
    const [row] = await pgBossVersionStatement(pgBossTables(pgbossSchema)).run(db, {});
    return row?.version ?? null;
  } catch (err) {
    if (sqlstateOf(err) === sqlstate.undefinedTable) return null;
    throw err;
  }
}

/**
 * Installs pg-boss's tables, or brings them up to date. Safe to run twice at once. Needs CREATE on the schema, and on the
 * database only where the schema does not exist yet: CREATE SCHEMA IF NOT EXISTS requires it even when it exists.
 */
export async function installPgBoss(
  db: Kysely<Database>,
  connection: ConnectionOptions,
  pgbossSchema: string,
): Promise<void> {
  const schemas = await db.introspection.getSchemas();
  const boss = new PgBoss({
    ...poolConfig(connection),
    schema: verbatim(pgbossSchema),
    supervise: false,
    schedule: false,
    registerInstance: false,
    createSchema: !schemas.some(({ name }) => name === pgbossSchema),
  });
  boss.on('error', () => {}); // an error that matters rejects start()
  try {
    await boss.start();
  } finally {
    await boss.stop({ graceful: false });
  }
}
