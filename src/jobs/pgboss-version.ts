import type { Kysely } from 'kysely';
import manifest from 'pg-boss/package.json' with { type: 'json' };
import type { Database } from '../db/schema.ts';
import { sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import { pgBossTables } from './pgboss-tables.ts';
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
