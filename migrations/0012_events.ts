import { type Kysely, sql } from 'kysely';

/**
 * The functions by which events reach pg-boss, as they are without pg-boss: nobody subscribes. `migrate up` replaces them once
 * it has installed pg-boss (src/ledger/functions/enqueue.ts).
 *
 * No table is touched.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE FUNCTION delegation_is_subscribed(event text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
    BEGIN
      RETURN false;
    END $$`.execute(db);
  await sql`
    CREATE FUNCTION delegation_enqueue(event text, keys text[], events jsonb[]) RETURNS jsonb LANGUAGE plpgsql AS $$
    BEGIN
      RETURN NULL;
    END $$`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP FUNCTION IF EXISTS delegation_enqueue(text, text[], jsonb[]), delegation_is_subscribed(text)`.execute(
    db,
  );
}
