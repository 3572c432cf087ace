import { column, parameter, statement } from '../../db/statement.ts';

/** The schemas there are with one of these names, or that begin with one of these prefixes, by name. */
export function ledgerSchemasStatement() {
  return statement({
    parameters: { names: parameter.texts, prefixes: parameter.texts },
    columns: {
      name: column.text('n.nspname::text'),
      /** Another one for a schema that was dropped and created again. */
      oid: column.wholeNumber('n.oid::bigint'),
    },
    sql: (columns) => `SELECT ${columns} FROM pg_catalog.pg_namespace n
WHERE n.nspname = ANY($names)
  OR EXISTS (SELECT FROM unnest($prefixes) p (prefix) WHERE left(n.nspname::text, length(p.prefix)) = p.prefix)
ORDER BY n.nspname`,
  });
}
