import { type Kysely, sql } from 'kysely';

/**
 * Retries: a delegation may try another one again (retry_of and attempt, migration 0006), once, and not before an instant.
 *
 * Nothing here reads or rewrites a row. Indexes are built afterwards (src/db/finishing/).
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // start_after  the instant before which this attempt should not be started; NULL: at once. Information for whoever starts
  //              it: nothing enforces it.
  await sql`ALTER TABLE delegations ADD COLUMN start_after timestamptz`.execute(db);
  // How many of a sweep's marks it tried again.
  await sql`ALTER TABLE sweeper_sweeps ADD COLUMN retried integer NOT NULL DEFAULT 0`.execute(db);
  // A trigger of its own, which a heartbeat never evaluates, and not a CHECK, which every statement that writes a row reads.
  await sql`
    CREATE FUNCTION delegations_start_after() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      RAISE EXCEPTION 'start_after must be finite'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'delegations_instants_sound';
    END $$`.execute(db);
  await sql`
    CREATE TRIGGER delegations_start_after BEFORE INSERT OR UPDATE OF start_after ON delegations FOR EACH ROW
    WHEN (NOT isfinite(NEW.start_after)) EXECUTE FUNCTION delegations_start_after()`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP INDEX IF EXISTS delegations_retry_of, delegations_given_up, activity_logs_sweep`.execute(db);
  await sql`DROP TRIGGER delegations_start_after ON delegations`.execute(db);
  await sql`DROP FUNCTION delegations_start_after()`.execute(db);
  await sql`ALTER TABLE sweeper_sweeps DROP COLUMN retried`.execute(db);
  await sql`ALTER TABLE delegations DROP COLUMN start_after`.execute(db);
}
