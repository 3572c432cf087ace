import { type Kysely, sql } from 'kysely';

/**
 * What the retention has removed up to now, so that it is told from what was lost.
 *
 * A new table: no row of another one is read or rewritten. What is due is found by the index delegations_by_status and by
 * the primary key of activity_logs, so no write of the ledger costs more than it did.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // delegations_before  what ended before this instant may have been removed; NULL: nothing was
  // activity_before     the activity of what ended before this instant may have been removed, where its row is kept
  //
  // Both only grow, in the transaction of the first removal that they are about. A batch of removals locks the row, so that
  // two prunes never wait for one another's rows.
  await sql`
    CREATE TABLE sweeper_retention (
      singleton          boolean NOT NULL DEFAULT true,
      delegations_before timestamptz,
      activity_before    timestamptz,
      CONSTRAINT sweeper_retention_pkey PRIMARY KEY (singleton),
      CONSTRAINT sweeper_retention_one_row CHECK (singleton)
    ) WITH (fillfactor = 25)`.execute(db);
  await sql`INSERT INTO sweeper_retention DEFAULT VALUES`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP TABLE sweeper_retention`.execute(db);
}
