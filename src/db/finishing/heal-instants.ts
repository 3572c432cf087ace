import { type Kysely, type RawBuilder, sql } from 'kysely';
import { identifier } from '../identifier.ts';
import { LOCK_TIMEOUT_MS, retryWhileLocked } from '../migration-retry.ts';
import type { Database } from '../schema.ts';

/** Pages that one statement reads: 16 MB. */
const BATCH_PAGES = 2_000;
/** Rows that one transaction corrects and locks. */
const BATCH_ROWS_MAX = 1_000;

const finite = sql`(isfinite(d.last_heartbeat) AND isfinite(d.deadline) AND isfinite(d.finished_at)
  AND isfinite(d.created_at) AND isfinite(d.updated_at))`;

/** SQL over a delegation `d`: what migration 0005 refuses, and a stamp from the future. */
const unsound = sql`(${finite} IS FALSE OR d.last_heartbeat > clock_timestamp()
  OR (d.status = 'in_progress' AND d.last_heartbeat IS NULL))`;

/** One instant for the whole statement, so that values computed from it are exact. */
const orNow = (column: string) =>
  sql`CASE WHEN isfinite(d.${sql.ref(column)}) IS FALSE THEN statement_timestamp() ELSE d.${sql.ref(column)} END`;

/** When the delegation was recorded, if that is known. */
const created = orNow('created_at');

/**
 * The corrected values. A heartbeat that is missing, infinite or in the future becomes now, so that its agent has the
 * whole threshold to be heard; for a finished delegation, its end. A deadline of `-infinity` becomes created_at: it had
 * passed. One of `infinity`, which meant none, becomes ten years later.
 */
const healed = sql`
  last_heartbeat = CASE
    WHEN isfinite(d.last_heartbeat) AND d.last_heartbeat <= clock_timestamp() THEN d.last_heartbeat
    WHEN d.last_heartbeat IS NULL AND d.status <> 'in_progress' THEN NULL
    WHEN isfinite(d.finished_at) THEN least(d.finished_at, clock_timestamp())
    ELSE clock_timestamp() END,
  deadline = CASE d.deadline WHEN '-infinity' THEN ${created} WHEN 'infinity' THEN ${created} + interval '10 years'
    ELSE d.deadline END,
  finished_at = ${orNow('finished_at')},
  created_at = ${created},
  updated_at = ${orNow('updated_at')}`;

/**
 * Corrects every delegation whose instants migration 0005 would refuse, in small transactions, page by page. Idempotent;
 * a row that another session keeps locked is skipped. Returns how many it corrected. Throws the database's error.
 */
export async function healInstants(db: Kysely<Database>, schema: string, giveUpAfterMs: number): Promise<number> {
  const delegations = sql.id(schema, 'delegations');
  const { rows } = await sql<{ pages: number }>`
    SELECT (pg_relation_size(${`${identifier(schema)}.delegations`}::regclass)
      / current_setting('block_size')::bigint)::int AS pages`.execute(db);
  let total = 0;
  for (let page = 0; page <= rows[0]!.pages; page += BATCH_PAGES) {
    for (;;) {
      const count = await retryWhileLocked(() => healPages(db, delegations, page), giveUpAfterMs);
      total += count;
      if (count < BATCH_ROWS_MAX) break;
    }
  }
  return total;
}

async function healPages(db: Kysely<Database>, delegations: RawBuilder<unknown>, page: number): Promise<number> {
  return db.transaction().execute(async (transaction) => {
    await sql`
      SELECT set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, true), set_config('statement_timeout', '0', true),
        set_config('enable_tidscan', 'on', true), set_config('search_path', 'pg_catalog, pg_temp', true)`.execute(
      transaction,
    );
    const { rows } = await sql<{ healed: number }>`
      WITH found AS MATERIALIZED (
        SELECT d.delegation_id FROM ${delegations} d
        WHERE d.ctid >= ${`(${page},0)`}::tid AND d.ctid < ${`(${page + BATCH_PAGES},0)`}::tid AND ${unsound}
        LIMIT ${BATCH_ROWS_MAX} FOR NO KEY UPDATE SKIP LOCKED),
      healed AS (
        UPDATE ${delegations} d SET ${healed} FROM found WHERE d.delegation_id = found.delegation_id
        RETURNING d.delegation_id)
      SELECT count(*)::int AS healed FROM healed`.execute(transaction);
    return rows[0]!.healed;
  });
}
