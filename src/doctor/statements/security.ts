import { column, parameter, statement } from '../../db/statement.ts';

/** Row level security of the ledger's tables. */
export function securityStatement() {
  return statement({
    parameters: { schema: parameter.text, tables: parameter.texts },
    columns: {
      table: column.text('c.relname::text'),
      /** Whether it hides rows from this role. */
      active: column.boolean('pg_catalog.row_security_active(c.oid)'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $schema AND c.relname = ANY($tables) AND c.relrowsecurity ORDER BY c.relname`,
  });
}
