import { type Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import * as ledger from '../../migrations/0001_ledger.ts';
import * as sweeper from '../../migrations/0002_sweeper.ts';
import type { Database } from '../../src/db/schema.ts';

/** A ledger as version 0.1.0 left it, in a schema of its own. */
export async function installOldLedger(db: Kysely<Database>, schema: string): Promise<void> {
  const inSchema = ({ up }: typeof ledger) => ({
    up: async (transaction: Kysely<unknown>) => {
      await sql`SET LOCAL search_path TO ${sql.id(schema)}`.execute(transaction);
      await up(transaction);
    },
  });
  const { error } = await new Migrator({
    db,
    provider: {
      getMigrations: async () => ({ '0001_ledger': inSchema(ledger), '0002_sweeper': inSchema(sweeper) }),
    },
    migrationTableSchema: schema,
    migrationTableName: 'delegation_sweeper_migrations',
    migrationLockTableName: 'delegation_sweeper_migrations_lock',
  }).migrateToLatest();
  if (error) throw error;
}
