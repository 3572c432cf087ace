import type * as KyselyMigration from 'kysely/migration';

export type { Migration, MigrationProvider, MigrationResult } from 'kysely/migration';
export type Migrator = KyselyMigration.Migrator;

/**
 * Kysely's migrator, loaded by what migrates alone. Kysely 0.29 has it in a separate module, 0.28 in its main one; the
 * package accepts either as a peer. npm on a Node older than 22 chooses 0.28.
 */
export async function kyselyMigration(): Promise<typeof KyselyMigration> {
  try {
    return await import('kysely/migration');
  } catch (err) {
    if ((err as { code?: unknown }).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw err;
    return (await import('kysely')) as unknown as typeof KyselyMigration;
  }
}
