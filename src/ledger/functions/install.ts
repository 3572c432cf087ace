import { type Kysely, sql } from 'kysely';
import type { Shards } from '../../db/node/on-node.ts';
import type { Database } from '../../db/schema.ts';
import { commentOf, installedFunctions, installedStatement, installedValues, OWNER } from './installed.ts';
import { definitionOf, type SchemaFunction } from './schema-function.ts';

/**
 * Creates the functions that are missing and replaces those whose definition changed or was edited, in one transaction.
 * Agents that call one meanwhile do not wait. Safe to run twice at once. `shards`: where Citus has the ledger's schema; each
 * call then runs on that node. Throws the database's error.
 */
export async function installFunctions(
  db: Kysely<Database>,
  schema: string,
  functions: readonly SchemaFunction[],
  shards?: Shards | undefined,
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
    const target = { serverVersion, shards };
    for (const { fn, state, isMarked } of installedFunctions(rows, functions, shards)) {
      if (state === 'current' && isMarked) continue;
      await sql.raw(definitionOf(fn, target)).execute(transaction);
      await sql.raw(`COMMENT ON FUNCTION ${signatureOf(fn)} IS '${commentOf(fn, target)}'`).execute(transaction);
      if (shards === undefined || fn.runsAnywhere) continue;
      await sql`SELECT create_distributed_function(${signatureOf(fn)}::regprocedure, colocate_with => 'delegations')`.execute(
        transaction,
      );
    }
  });
}

function signatureOf({ name, types }: SchemaFunction): string {
  return `${name}(${types})`;
}
