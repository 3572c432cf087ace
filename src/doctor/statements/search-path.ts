import { column, parameter, statement } from '../../db/statement.ts';

/** Where this role's unqualified names are looked for. */
export function searchPathStatement() {
  return statement({
    parameters: { schema: parameter.text },
    columns: {
      path: column.text(`pg_catalog.current_setting('search_path')`),
      /** Schemas that exist, the implied ones included, in order. */
      effective: column.json<readonly string[]>('to_json(pg_catalog.current_schemas(true))'),
      /** System functions by which instants are read, that a schema before pg_catalog replaces. */
      replaced: column.json<readonly string[]>(`to_json(ARRAY(
    SELECT DISTINCT p.pronamespace::regnamespace || '.' || p.proname FROM pg_catalog.pg_proc p
    WHERE p.pronamespace <> 'pg_catalog'::regnamespace
      AND array_position(pg_catalog.current_schemas(true), p.pronamespace::regnamespace::name)
        < array_position(pg_catalog.current_schemas(true), 'pg_catalog'::name)
      AND EXISTS (SELECT FROM pg_catalog.pg_proc s WHERE s.pronamespace = 'pg_catalog'::regnamespace
        AND s.proname = p.proname AND s.proargtypes = p.proargtypes)
    ORDER BY 1))`),
      onPath: column.boolean('$schema = ANY(pg_catalog.current_schemas(false)::text[])'),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}
