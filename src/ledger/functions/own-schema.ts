const PG_ROUTINE_OID_SINCE = 160_000;

/**
 * PL/pgSQL: puts the function's own schema on the search path, for this call. A path that is written down breaks when the
 * schema is renamed, and in a copy of the schema it names the original's tables. The plans of one path are kept; it ends
 * with the call, since the function has a search path of its own. `keepsPath`: it only sets `place` to the schema's quoted
 * name.
 */
export function ownSchema(name: string, serverVersion: number, keepsPath = false): string {
  const use = keepsPath ? assign : moveTo;
  return serverVersion >= PG_ROUTINE_OID_SINCE ? placeByOid(name, use) : placeByContext(name, use);
}

type Use = (schema: string) => string;

/** By what the server says at this call: the qualified name without the function's, which may stand in quotes. */
function placeByOid(name: string, use: Use): string {
  return `
  GET DIAGNOSTICS routine = PG_ROUTINE_OID;
  place := routine::regproc::text;${use(
    `left(place, CASE WHEN right(place, 1) = '"' THEN ${-(name.length + 3)} ELSE ${-(name.length + 1)} END)`,
  )}`;
}

/**
 * The same on PostgreSQL 15: from the context, "PL/pgSQL function <schema>.<name>(...) line ...", in the language of
 * lc_messages. It is kept from the session's first call on: where that schema is no more, it was renamed, and the function
 * is in the only ledger that there is, or else a new session knows.
 */
function placeByContext(name: string, use: Use): string {
  return `
  GET DIAGNOSTICS place = PG_CONTEXT;
  place := split_part(replace(place, '."${name}"(', '.${name}('), '.${name}(', 1);
  place := CASE WHEN starts_with(place, 'PL/pgSQL function ') THEN substr(place, 19)
    ELSE substring(place FROM '("(?:[^"]|"")+"|[a-z_][a-z0-9_]*)$') END;
  IF to_regnamespace(place) IS NULL THEN
    SELECT CASE WHEN count(DISTINCT n.oid) = 1 THEN min(quote_ident(n.nspname)) END INTO place
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = '${name}';
  END IF;
  IF place IS NULL THEN
    RAISE EXCEPTION 'the schema of ${name} was renamed: connect again' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;${use('place')}`;
}

function moveTo(schema: string): string {
  return `
  place := set_config('search_path', 'pg_catalog, ' || ${schema} || ', pg_temp', true);`;
}

function assign(schema: string): string {
  return `
  place := ${schema};`;
}
