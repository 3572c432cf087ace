import { column, nullable, parameter, statement } from '../../db/statement.ts';

/** What the server says about an object of the ledger's schema that a migration made. */
export const objectKinds = ['trigger', 'trigger function', 'constraint', 'index'] as const;

export type ObjectKind = (typeof objectKinds)[number];

/** Names in definitions are written without the schema, and quoted only where needed. For the rest of the transaction. */
export function deparseStatement() {
  return statement({
    parameters: { schema: parameter.text },
    columns: {
      path: column.text(`set_config('search_path', pg_catalog.quote_ident($schema), true)`),
      quoted: column.text(`set_config('quote_all_identifiers', 'off', true)`),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}

/** Triggers, their functions, constraints and indexes of these tables, each with its definition. Run `deparseStatement` first. */
export function objectsStatement() {
  return statement({
    parameters: { schema: parameter.text, tables: parameter.texts },
    columns: {
      kind: column.oneOf(objectKinds, 'o.kind'),
      table: column.text('o.table_name::text'),
      name: column.text('o.name::text'),
      definition: column.text('o.definition'),
      /** Whether it is in effect: enabled, validated, valid. */
      works: column.boolean('o.works'),
      /** Whether an index is being built now. Null: an index is, by a session whose index is hidden from this role. */
      building: nullable(column.boolean('o.building')),
    },
    sql: (columns) => `
WITH ours AS MATERIALIZED (
  SELECT c.oid, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $schema AND c.relname = ANY($tables) AND c.relkind IN ('r', 'p')),
triggers AS MATERIALIZED (
  SELECT t.*, ours.relname FROM pg_catalog.pg_trigger t JOIN ours ON ours.oid = t.tgrelid WHERE NOT t.tgisinternal)
SELECT ${columns}
FROM (
  SELECT 'trigger' AS kind, t.relname AS table_name, t.tgname AS name, pg_catalog.pg_get_triggerdef(t.oid, true) AS definition,
    t.tgenabled IN ('O', 'A') AS works, false AS building
  FROM triggers t
  UNION ALL
  SELECT DISTINCT 'trigger function', t.relname, p.proname,
    concat_ws(' ', p.prosrc, p.prosecdef, array_to_string(p.proconfig, ' ')), true, false
  FROM triggers t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
  UNION ALL
  SELECT 'constraint', ours.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid), k.convalidated, false
  FROM pg_catalog.pg_constraint k JOIN ours ON ours.oid = k.conrelid WHERE k.contype IN ('c', 'p', 'u', 'f')
  UNION ALL
  SELECT 'index', ours.relname, c.relname,
    replace(pg_catalog.pg_get_indexdef(i.indexrelid), pg_catalog.quote_ident($schema) || '.', ''),
    i.indisvalid AND i.indisready,
    CASE
      WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) THEN true
      WHEN NOT EXISTS (
        SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.datname = current_database() AND p.relid IS NULL) THEN false
    END
  FROM pg_catalog.pg_index i JOIN ours ON ours.oid = i.indrelid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid) o
ORDER BY o.kind, o.table_name, o.name`,
  });
}
