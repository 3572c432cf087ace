import { column, nullable, parameter, statement } from '../../db/statement.ts';

/** Of these rights, those that this role does not have. What does not exist is not missed here. */
export function privilegesStatement() {
  return statement({
    parameters: { needs: parameter.json },
    columns: {
      schema: column.text('n.schema'),
      object: nullable(column.text('n.object')),
      column: nullable(column.text('n.column')),
      privilege: column.text('n.privilege'),
      held: column.boolean('n.held'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT w.*, CASE
    WHEN w.object IS NULL THEN pg_catalog.has_schema_privilege(s.oid, w.privilege)
    WHEN w."column" IS NULL THEN pg_catalog.has_table_privilege(c.oid, w.privilege)
    ELSE pg_catalog.has_column_privilege(c.oid, a.attnum, w.privilege) END AS held
  FROM pg_catalog.jsonb_to_recordset($needs) w (schema text, object text, "column" text, privilege text)
  JOIN pg_catalog.pg_namespace s ON s.nspname = w.schema
  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = w.object AND c.relkind IN ('r', 'p')
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = w."column" AND NOT a.attisdropped
  WHERE w.object IS NULL OR c.oid IS NOT NULL AND (w."column" IS NULL OR a.attnum IS NOT NULL)) n
ORDER BY n.schema, n.object NULLS FIRST, n.privilege, n."column"`,
  });
}
