import { type Kysely, sql } from 'kysely';
import type { Database } from './schema.ts';

/** The encoding that the ledger's database must have. Any other refuses some of the texts that models write. */
export const REQUIRED_ENCODING = 'UTF8';

export const ENCODING_REMEDY =
  "create a database with ENCODING 'UTF8' TEMPLATE template0, and move the ledger into it by pg_dump and psql";

/** The database's encoding as PostgreSQL names it: `UTF8`, `LATIN1`, `SQL_ASCII`. Throws the database's error. */
export async function serverEncoding(db: Kysely<Database>): Promise<string> {
  const { rows } = await sql<{ encoding: string }>`SELECT current_setting('server_encoding') AS "encoding"`.execute(db);
  return rows[0]!.encoding;
}
