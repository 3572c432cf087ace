import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Database } from '../../db/schema.ts';
import { definitionOf, type SchemaFunction } from './schema-function.ts';
import { schemaFunctions } from './schema-functions.ts';

/** Marks our functions: `migrate down` drops only those whose comment begins with this. */
const OWNER = 'delegation-sweeper';

/**
 * Creates the functions that are missing and replaces those whose definition changed, in one transaction. Agents that
 * call one meanwhile do not wait. Safe to run twice at once. Throws the database's error.
 */
export async function installFunctions(db: Kysely<Database>, schema: string): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    // Two that replace one function at once would both try to write its catalogue row, and one would fail.
    await sql`
      SELECT pg_catalog.set_config('search_path', pg_catalog.quote_ident(${schema}), true),
        pg_catalog.set_config('standard_conforming_strings', 'on', true),
        pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(${`${OWNER} functions ${schema}`}, 0))`.execute(
      transaction,
    );
    const { rows } = await sql<{ version: number }>`
      SELECT pg_catalog.current_setting('server_version_num')::int AS version`.execute(transaction);
    const installed = await installedComments(transaction, schema);
    for (const fn of schemaFunctions) {
      const definition = definitionOf(fn, rows[0]!.version);
      const comment = `${OWNER} ${createHash('sha256').update(definition).digest('hex')}`;
      if (installed.has(comment)) continue;
      await sql.raw(definition).execute(transaction);
      await sql.raw(`COMMENT ON FUNCTION ${signatureOf(fn)} IS '${comment}'`).execute(transaction);
    }
  });
}

async function installedComments(db: Kysely<Database>, schema: string): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ comment: string }>`
    SELECT d.description AS comment FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    WHERE n.nspname = ${schema} AND pg_catalog.starts_with(d.description, ${`${OWNER} `})`.execute(db);
  return new Set(rows.map(({ comment }) => comment));
}

function signatureOf({ name, types }: SchemaFunction): string {
  return `${name}(${types})`;
}
