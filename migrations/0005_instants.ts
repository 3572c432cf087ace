import { type Kysely, sql } from 'kysely';

/**
 * Instants are finite, a delegation in progress has been heard, and no heartbeat lies in the future; and a heartbeat
 * finds the tables of the schema that its function stands in, wherever that schema was moved or copied to.
 *
 * Nothing here reads a row: the constraint is validated afterwards, once the rows of an older ledger are healed
 * (src/db/finishing/).
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // One constraint, since every update of one row reads and plans each of them anew; and first, so that the strongest
  // lock is taken once and at once.
  await sql`
    ALTER TABLE delegations ADD CONSTRAINT delegations_instants_sound CHECK (isfinite(last_heartbeat)
      AND isfinite(deadline) AND isfinite(finished_at) AND isfinite(created_at) AND isfinite(updated_at)
      AND (status <> 'in_progress' OR last_heartbeat IS NOT NULL)) NOT VALID`.execute(db);
  await guard(db);
  await heartbeat(db);
}

/** As 0001 made it, and in all three triggers a stamp from the future is taken back to the clock. */
async function guard(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE OR REPLACE FUNCTION delegations_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF TG_OP = 'UPDATE' AND OLD.status IS DISTINCT FROM NEW.status AND NOT (
           (OLD.status = 'queued'      AND NEW.status IN ('dispatched', 'in_progress', 'failed'))
        OR (OLD.status = 'dispatched'  AND NEW.status IN ('in_progress', 'completed', 'failed'))
        OR (OLD.status = 'in_progress' AND NEW.status IN ('completed', 'failed', 'stuck')))
      THEN
        RAISE EXCEPTION 'delegation status may not go from % to %', OLD.status, NEW.status
          USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'delegations_forward_only';
      END IF;
      IF NEW.status IN ('completed', 'failed', 'stuck') THEN
        NEW.finished_at := coalesce(NEW.finished_at, clock_timestamp());
      END IF;
      IF NEW.status = 'in_progress' OR NEW.last_heartbeat IS NOT NULL THEN
        -- LEAST passes over NULL.
        NEW.last_heartbeat := least(NEW.last_heartbeat, clock_timestamp());
      END IF;
      RETURN NEW;
    END $$`.execute(db);
  await sql`
    CREATE OR REPLACE TRIGGER delegations_guard_update BEFORE UPDATE OF status ON delegations FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND NOT (
         (OLD.status IN ('queued', 'dispatched') AND NEW.status = 'in_progress' AND NEW.last_heartbeat <= clock_timestamp())
      OR (OLD.status = 'queued' AND NEW.status = 'dispatched')
      OR (OLD.status IN ('queued', 'dispatched', 'in_progress') AND NEW.status = 'failed' AND NEW.finished_at IS NOT NULL)
      OR (OLD.status IN ('dispatched', 'in_progress') AND NEW.status = 'completed' AND NEW.finished_at IS NOT NULL)
      OR (OLD.status = 'in_progress' AND NEW.status = 'stuck' AND NEW.finished_at IS NOT NULL)) IS TRUE)
    EXECUTE FUNCTION delegations_guard()`.execute(db);
  await sql`
    CREATE OR REPLACE TRIGGER delegations_guard_insert BEFORE INSERT ON delegations FOR EACH ROW
    WHEN ((NEW.status = 'in_progress' AND NEW.last_heartbeat IS NULL)
       OR (NEW.status IN ('completed', 'failed', 'stuck') AND NEW.finished_at IS NULL)
       OR NEW.last_heartbeat > clock_timestamp())
    EXECUTE FUNCTION delegations_guard()`.execute(db);
  // Evaluated by every heartbeat, so as short as it can be; one that stamps the clock never enters PL/pgSQL.
  await sql`
    CREATE TRIGGER delegations_guard_stamp BEFORE UPDATE OF last_heartbeat ON delegations FOR EACH ROW
    WHEN (coalesce(NEW.last_heartbeat, 'infinity') > clock_timestamp())
    EXECUTE FUNCTION delegations_guard()`.execute(db);
}

/**
 * SQL: the function's own schema, quoted, into `place`, by what the server says at this call: the qualified name without
 * ".delegation_heartbeat", which quote_all_identifiers puts into quotes.
 */
const placeByOid = `
      GET DIAGNOSTICS routine = PG_ROUTINE_OID;
      place := routine::regproc::text;
      place := left(place, CASE WHEN right(place, 1) = '"' THEN -23 ELSE -21 END);`;

/**
 * The same on PostgreSQL 15, which has no PG_ROUTINE_OID: from the context, "PL/pgSQL function <schema>.<name>(...) line
 * ...", in the language of lc_messages. It is kept from the session's first call on: where that schema is no more, it was
 * renamed, and the function is the only one there is, or else a new session knows.
 */
const placeByContext = `
      GET DIAGNOSTICS place = PG_CONTEXT;
      place := split_part(replace(place, '."delegation_heartbeat"(', '.delegation_heartbeat('), '.delegation_heartbeat(', 1);
      place := CASE WHEN starts_with(place, 'PL/pgSQL function ') THEN substr(place, 19)
        ELSE substring(place FROM '("(?:[^"]|"")+"|[a-z_][a-z0-9_]*)$') END;
      IF to_regnamespace(place) IS NULL THEN
        SELECT CASE WHEN count(*) = 1 THEN min(quote_ident(n.nspname)) END INTO place
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.proname = 'delegation_heartbeat' AND p.proargtypes = '25 701'::oidvector;
      END IF;
      IF place IS NULL THEN
        RAISE EXCEPTION 'the schema of delegation_heartbeat was renamed: connect again'
          USING ERRCODE = 'object_not_in_prerequisite_state';
      END IF;`;

const PG_ROUTINE_OID_SINCE = 160_000;

/**
 * As 0001 made it, but for where it looks. Its search path holds system objects alone until it knows its own schema: a
 * path that is written down breaks when the schema is renamed, and in a copy of the schema it names the original's
 * tables, in which every id is unknown. SQL bound to the tables by oid would cost ten times as much on PostgreSQL 15
 * (measured), where its plans are not kept, and would be bound to the original's in a copy.
 * The threshold comes from sweeper_threshold, which is seldom written, and not from sweeper_state, which each beat writes.
 */
async function heartbeat(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ version: number }>`
    SELECT current_setting('server_version_num')::int AS version`.execute(db);
  const { version } = rows[0]!;
  await sql`
    CREATE OR REPLACE FUNCTION delegation_heartbeat(id text, debounce_ms float8) RETURNS json LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    DECLARE
      routine oid;
      place text;
      found_status text;
      is_due boolean;
      threshold_ms bigint;
      found_epoch text;
      is_stamped boolean := false;
    BEGIN${sql.raw(version >= PG_ROUTINE_OID_SINCE ? placeByOid : placeByContext)}
      -- Ends with this call, since the function has a search path of its own. The plans of one path are kept.
      place := set_config('search_path', 'pg_catalog, ' || place || ', pg_temp', true);
      -- However long the caller's debounce, ten stamps fit into the threshold. LEAST passes over NULL.
      SELECT d.status, s.stuck_after_ms, s.epoch, d.status IN ('queued', 'dispatched', 'in_progress')
        AND (d.last_heartbeat IS NULL OR d.last_heartbeat > clock_timestamp() OR d.last_heartbeat <= clock_timestamp()
          - least(debounce_ms, s.stuck_after_ms::float8 / 10) * interval '1 millisecond')
      INTO found_status, threshold_ms, found_epoch, is_due
      FROM delegations d LEFT JOIN sweeper_threshold s ON s.singleton
      WHERE d.delegation_id = id;
      IF NOT FOUND THEN
        RETURN NULL;
      END IF;
      IF is_due THEN
        -- clock_timestamp(): after a wait for the row's lock it is read again. greatest(): a stamp never goes back, but
        -- from the future, by the trigger. Not "finished_at IS NULL": that could be answered by reading all of
        -- delegations_deadline.
        UPDATE delegations d SET last_heartbeat = greatest(d.last_heartbeat, clock_timestamp())
        WHERE d.delegation_id = id AND d.status IN ('queued', 'dispatched', 'in_progress');
        is_stamped := FOUND;
      END IF;
      RETURN json_build_object('delegationId', id, 'status', found_status, 'due', is_due, 'stamped', is_stamped,
        'terminal', found_status IN ('completed', 'failed', 'stuck'), 'stuckAfterMs', threshold_ms, 'epoch', found_epoch);
    END $$`.execute(db);
}

/** The functions stay as they are: 0001 drops them. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE delegations DROP CONSTRAINT delegations_instants_sound`.execute(db);
  await sql`DROP TRIGGER delegations_guard_stamp ON delegations`.execute(db);
}
