import type { Kysely } from 'kysely';
import { PgBoss } from 'pg-boss';
import { type ConnectionOptions, poolConfig } from '../db/connection.ts';
import type { Database } from '../db/schema.ts';
import { verbatim } from './pgboss-tables.ts';

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
