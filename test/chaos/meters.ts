import type pg from 'pg';

/** Marks of this agent's delegations are slow, so that a sweep of them can be killed in its middle. */
export const SLOW_CALLEE = 'slow-to-mark';
const SLOW_SECONDS = 0.15;

/**
 * What the suite adds to the ledger's schema: marks that take long, and for each activity the instant at which it was
 * written by a clock that nobody sets: seconds since the machine started, which libfaketime leaves alone.
 */
export async function installMeters(client: pg.Client): Promise<void> {
  await client.query(`
    CREATE FUNCTION chaos_slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(${SLOW_SECONDS}); RETURN NEW; END $$`);
  await client.query(`
    CREATE TRIGGER chaos_slow BEFORE UPDATE OF status ON delegations FOR EACH ROW
    WHEN (NEW.status = 'stuck' AND NEW.callee_id = '${SLOW_CALLEE}') EXECUTE FUNCTION chaos_slow()`);
  await client.query('CREATE TABLE chaos_activity_times (activity_id bigint, uptime_seconds float8)');
  await client.query(`
    CREATE FUNCTION chaos_time() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO public.chaos_activity_times
      VALUES (NEW.activity_id, split_part(pg_catalog.pg_read_file('/proc/uptime', 0, 100), ' ', 1)::float8);
      RETURN NULL;
    END $$`);
  await client.query(
    'CREATE TRIGGER chaos_time AFTER INSERT ON activity_logs FOR EACH ROW EXECUTE FUNCTION chaos_time()',
  );
}
