import { type Kysely, sql } from 'kysely';
import type { Database } from '../../db/schema.ts';
import { commentOf, installedFunctions, installedStatement, installedValues, OWNER } from './installed.ts';
import { definitionOf, type SchemaFunction } from './schema-function.ts';

/**
 * Creates the functions that are missing and replaces those whose definition changed or was edited, in one transaction.
 * Agents that call one meanwhile do not wait. Safe to run twice at once. Throws the database's error.
 */
export async function installFunctions(
  db: Kysely<Database>,
  schema: string,
  functions: readonly SchemaFunction[],
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    // Two that replace one function at once would both try to write its catalogue row, and one would fail.
    await sql`
      SELECT pg_catalog.set_config('search_path', pg_catalog.quote_ident(${schema}), true),
        pg_catalog.set_config('standard_conforming_strings', 'on', true),
        pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(${`${OWNER} functions ${schema}`}, 0))`.execute(
      transaction,
    );
    const rows = await installedStatement().run(transaction, installedValues(schema, functions));
    const { serverVersion } = rows[0]!;
    for (const { fn, state, isMarked } of installedFunctions(rows, functions)) {
      if (state === 'current' && isMarked) continue;
      await sql.raw(definitionOf(fn, serverVersion)).execute(transaction);
      const comment = commentOf(fn, serverVersion);
      await sql.raw(`COMMENT ON FUNCTION ${signatureOf(fn)} IS '${comment}'`).execute(transaction);
    }
  });
}

function signatureOf({ name, types }: SchemaFunction): string {
  return `${name}(${types})`;
}
