import { type Kysely, sql } from 'kysely';
import { PgBoss } from 'pg-boss';
import manifest from 'pg-boss/package.json' with { type: 'json' };
import { type ConnectionOptions, poolConfig } from '../../db/connection.ts';
import type { Database } from '../../db/schema.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';

/** The schema version that this release of pg-boss works with; it does not export it. */
export const requiredVersion: number = manifest.pgboss.schema;

/** As pg-boss takes a name verbatim; unquoted it would be folded to lower case, and a reserved word refused. */
export function verbatim(pgbossSchema: string): string {
  return `"${pgbossSchema}"`;
}

/** The version installed, null when there is none. Throws the database's error. */
export async function installedVersion(db: Kysely<Database>, pgbossSchema: string): Promise<number | null> {
  try {
    const { rows } = await sql<{ version: number }>`
      SELECT version::int AS version FROM ${sql.id(pgbossSchema, 'version')}`.execute(db);
    return rows[0]?.version ?? null;
  } catch (err) {
    if (sqlstateOf(err) === sqlstate.undefinedTable) return null;
    throw err;
  }
}

/**
 * Installs pg-boss's tables, or brings them up to date. Safe to run twice at once. Needs CREATE on the schema, and on the
 * database only where there is no such schema yet: CREATE SCHEMA IF NOT EXISTS wants it even when there is one.
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
  boss.on('error', () => {}); // what matters rejects start()
  try {
    await boss.start();
  } finally {
    await boss.stop({ graceful: false });
  }
}
