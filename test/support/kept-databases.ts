import type pg from 'pg';

/** A database that nobody uses now, as it was at first, and its sessions. */
export interface UnusedDatabase {
  readonly name: string;
  readonly pool: pg.Pool;
}

/** Those of one template, and what such a one contains. */
export interface Kept {
  readonly unused: UnusedDatabase[];
  original?: Original;
}

/** What a copy of the template contains. */
export interface Original {
  /** What the planner knows of its tables. */
  readonly statistics: string;
  /** By table: the statement that writes its rows. */
  readonly rows: ReadonlyMap<string, string>;
  readonly sequences: readonly string[];
}

/** Where the test environment puts what all test files of one worker share. */
export const KEPT = Symbol.for('delegation-sweeper.kept-databases');

export type WithKept = typeof globalThis & { [KEPT]?: Map<string, Kept> };

/** Undefined outside of Jest. */
export function keptOf(template: string): Kept | undefined {
  const kept = (globalThis as WithKept)[KEPT];
  if (!kept) return undefined;
  const known = kept.get(template) ?? { unused: [] };
  kept.set(template, known);
  return known;
}

/** A larger table is not emptied: what was deleted would still be read. */
const SIZE_MAX_BYTES = 512 * 1024;

const OWN = `c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)`;
const NAME = `format('%I.%I', c.relnamespace::regnamespace, c.relname)`;
const STATISTICS = `(SELECT md5(string_agg(concat_ws(' ', c.oid, c.relpages, c.reltuples), ',' ORDER BY c.oid))
  FROM pg_class c WHERE c.relkind IN ('r', 'i') AND ${OWN})`;

/** Reads what this session's database contains, which nobody has changed yet. */
export async function readOriginal(client: pg.ClientBase): Promise<Original> {
  const { rows: tables } = await client.query<{ name: string; columns: string }>(`
    SELECT ${NAME} AS name, (SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns
    FROM pg_class c WHERE c.relkind = 'r' AND ${OWN}`);
  const rows = new Map<string, string>();
  for (const { name, columns } of tables) {
    const { rows: found } = await client.query<{ insert: string | null }>(`
      SELECT format('INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM json_populate_recordset(NULL::${name}, %L)',
        json_agg(t)) AS insert FROM ${name} t HAVING count(*) > 0`);
    if (found[0]?.insert) rows.set(name, found[0].insert);
  }
  const { rows: sequences } = await client.query<{ restart: string }>(`
    SELECT format('SELECT setval(%L, %s, %L)', ${NAME}, coalesce(pg_sequence_last_value(c.oid), s.seqstart),
      pg_sequence_last_value(c.oid) IS NOT NULL) AS restart
    FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid`);
  const { rows: known } = await client.query<{ statistics: string }>(`SELECT ${STATISTICS} AS statistics`);
  return { statistics: known[0]!.statistics, rows, sequences: sequences.map(({ restart }) => restart) };
}

/**
 * Gives this session's database the rows that it had, when nothing but its rows was changed. The server counts what is
 * written to each table, its catalogs among them; a session adds its counts at its end, and where it stays it was told to (database.ts).
 */
export async function restore(client: pg.ClientBase, original: Original): Promise<boolean> {
  const { rows: states } = await client.query<{ plain: boolean; statistics: string }>(`
    SELECT datacl IS NULL AND datconnlimit = -1 AND datallowconn AND NOT datistemplate
      AND NOT EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid) AS plain, ${STATISTICS} AS statistics
    FROM pg_database d WHERE datname = current_database()`);
  if (!states[0]?.plain || states[0].statistics !== original.statistics) return false;
  const { rows: written } = await client.query<{ name: string; own: boolean; bytes: number }>(`
    SELECT ${NAME} AS name, ${OWN} AS own, pg_table_size(c.oid)::int AS bytes FROM pg_class c
    WHERE c.relkind IN ('r', 'm') AND NOT c.relisshared
      AND pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid) > 0`);
  if (written.some(({ own, bytes }) => !own || bytes > SIZE_MAX_BYTES)) return false;
  await putBack(
    client,
    original,
    written.map(({ name }) => name),
  );
  return true;
}

/** Gives these tables the rows that they had, and the sequences their numbers. */
async function putBack(client: pg.ClientBase, { rows, sequences }: Original, tables: readonly string[]): Promise<void> {
  if (tables.length === 0) return;
  const statements = [
    'BEGIN',
    // Neither the ledger's triggers nor foreign keys: all rows go, and those of the template return.
    'SET LOCAL session_replication_role = replica',
    ...tables.map((name) => `DELETE FROM ${name}`),
    ...tables.flatMap((name) => rows.get(name) ?? []),
    ...sequences,
    'COMMIT',
  ];
  await client.query(statements.join(';'));
}

/** The same for all tables, whatever else has changed. */
export async function putBackAll(client: pg.ClientBase, original: Original): Promise<void> {
  const { rows: tables } = await client.query<{ name: string }>(`
    SELECT ${NAME} AS name FROM pg_class c WHERE c.relkind = 'r' AND ${OWN} AND pg_relation_size(c.oid) > 0`);
  await putBack(
    client,
    original,
    tables.map(({ name }) => name),
  );
}
