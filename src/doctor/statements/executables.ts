import { column, parameter, statement } from '../../db/statement.ts';

/** Functions of the ledger's schema that this role may not call. */
export function executablesStatement() {
  return statement({
    parameters: { schema: parameter.text, names: parameter.texts },
    columns: { signature: column.text('p.oid::regprocedure::text') },
    sql: (columns) => `
SELECT ${columns}
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $schema AND p.proname = ANY($names) AND NOT pg_catalog.has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1`,
  });
}
