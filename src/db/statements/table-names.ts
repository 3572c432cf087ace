import { column, parameter, statement } from '../statement.ts';

/** The tables of one schema, by name. */
export function tableNamesStatement() {
  return statement({
    parameters: { schema: parameter.text },
    columns: { name: column.text('c.relname::text') },
    sql: (columns) => `SELECT ${columns} FROM pg_catalog.pg_class c
WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = $schema) AND c.relkind IN ('r', 'p')
ORDER BY c.relname`,
  });
}
