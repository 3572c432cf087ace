import { type Kysely, sql } from 'kysely';

/**
 * The ledger: `delegations`, its forward-only guard, and the `activity_logs` stream.
 *
 * Names are unqualified: the migrator puts the target schema first on the search path.
 * The status lists here are literals, since a released migration may never change its meaning;
 * test/ledger/transitions.test.ts holds them against src/ledger/transitions.ts.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // No index on last_heartbeat or updated_at: either would make every heartbeat a non-HOT update.
  // heartbeat_bucket changes only every five minutes, so the index on it is touched as rarely.
  await sql`
    CREATE TABLE delegations (
      delegation_id    text        COLLATE "C" NOT NULL,
      caller_id        text        NOT NULL,
      callee_id        text        NOT NULL,
      status           text        NOT NULL DEFAULT 'queued',
      last_heartbeat   timestamptz,
      heartbeat_bucket timestamptz GENERATED ALWAYS AS
        (date_bin('5 minutes', last_heartbeat, '1970-01-01 00:00:00+00'::timestamptz)) STORED,
      deadline         timestamptz NOT NULL DEFAULT statement_timestamp() + interval '6 hours',
      finished_at      timestamptz,
      created_at       timestamptz NOT NULL DEFAULT statement_timestamp(),
      updated_at       timestamptz NOT NULL DEFAULT statement_timestamp(),
      idempotency_key  text,
      task_preview     text        NOT NULL,
      result_preview   text,
      error_detail     text,
      CONSTRAINT delegations_pkey PRIMARY KEY (delegation_id),
      CONSTRAINT delegations_delegation_id_length CHECK (char_length(delegation_id) BETWEEN 1 AND 200),
      CONSTRAINT delegations_caller_id_length CHECK (char_length(caller_id) BETWEEN 1 AND 200),
      CONSTRAINT delegations_callee_id_length CHECK (char_length(callee_id) BETWEEN 1 AND 200),
      CONSTRAINT delegations_idempotency_key_length CHECK (char_length(idempotency_key) BETWEEN 1 AND 200),
      CONSTRAINT delegations_task_preview_size CHECK (octet_length(task_preview) <= 4096),
      CONSTRAINT delegations_result_preview_size CHECK (octet_length(result_preview) <= 4096),
      CONSTRAINT delegations_error_detail_size CHECK (octet_length(error_detail) <= 4096),
      CONSTRAINT delegations_status_known CHECK
        (status IN ('queued', 'dispatched', 'in_progress', 'completed', 'failed', 'stuck')),
      CONSTRAINT delegations_finished_when_terminal CHECK
        ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'stuck')))
    ) WITH (
      -- Room on each page for the next versions of its rows, so that heartbeats stay HOT.
      fillfactor = 70,
      -- Previews leave the row when it is large: a heartbeat then copies a short tuple, not 8 kB of text.
      toast_tuple_target = 256,
      -- By threshold, not by scale: a table of 100M finished rows must not wait for 20M dead ones.
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
      -- A fleet on fewer than two of a hundred pages would have its dead index entries left alone for ever, and every
      -- sweep would read those of all buckets that ever were: measured 24, then 200 buffers more each five minutes.
      vacuum_index_cleanup = on,
      autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_insert_threshold = 100000,
      autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000
    )`.execute(db);

  await sql`
    CREATE UNIQUE INDEX delegations_idempotency_key ON delegations (caller_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL`.execute(db);
  await sql`
    CREATE INDEX delegations_heartbeat_bucket ON delegations (heartbeat_bucket, delegation_id)
    WHERE status = 'in_progress'`.execute(db);
  // "finished_at IS NULL" is not implied by a status, so the heartbeat scan cannot fall for this index.
  await sql`
    CREATE INDEX delegations_deadline ON delegations (deadline, delegation_id)
    WHERE finished_at IS NULL`.execute(db);

  // One function for both triggers. Their WHEN clauses call it only for a row that is refused or that lacks a stamp:
  // a well-behaved writer never enters PL/pgSQL, and an update that does not name status never evaluates the clause.
  await sql`
    CREATE FUNCTION delegations_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF TG_OP = 'UPDATE' AND NOT (
           (OLD.status = 'queued'      AND NEW.status IN ('dispatched', 'in_progress', 'failed'))
        OR (OLD.status = 'dispatched'  AND NEW.status IN ('in_progress', 'completed', 'failed'))
        OR (OLD.status = 'in_progress' AND NEW.status IN ('completed', 'failed', 'stuck')))
      THEN
        RAISE EXCEPTION 'delegation status may not go from % to %', OLD.status, NEW.status
          USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'delegations_forward_only';
      END IF;
      IF NEW.status IN ('completed', 'failed', 'stuck') THEN
        NEW.finished_at := coalesce(NEW.finished_at, clock_timestamp());
      ELSIF NEW.status = 'in_progress' THEN
        NEW.last_heartbeat := coalesce(NEW.last_heartbeat, clock_timestamp());
      END IF;
      RETURN NEW;
    END $$`.execute(db);
  await sql`
    CREATE TRIGGER delegations_guard_update BEFORE UPDATE OF status ON delegations FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND NOT (
         (OLD.status IN ('queued', 'dispatched') AND NEW.status = 'in_progress' AND NEW.last_heartbeat IS NOT NULL)
      OR (OLD.status = 'queued' AND NEW.status = 'dispatched')
      OR (OLD.status IN ('queued', 'dispatched', 'in_progress') AND NEW.status = 'failed' AND NEW.finished_at IS NOT NULL)
      OR (OLD.status IN ('dispatched', 'in_progress') AND NEW.status = 'completed' AND NEW.finished_at IS NOT NULL)
      OR (OLD.status = 'in_progress' AND NEW.status = 'stuck' AND NEW.finished_at IS NOT NULL)))
    EXECUTE FUNCTION delegations_guard()`.execute(db);
  await sql`
    CREATE TRIGGER delegations_guard_insert BEFORE INSERT ON delegations FOR EACH ROW
    WHEN ((NEW.status = 'in_progress' AND NEW.last_heartbeat IS NULL)
       OR (NEW.status IN ('completed', 'failed', 'stuck') AND NEW.finished_at IS NULL))
    EXECUTE FUNCTION delegations_guard()`.execute(db);

  // A heartbeat, whose statement costs more to plan than to run: PL/pgSQL keeps the plans in the server's session, which
  // needs nothing of the client's and so works behind PgBouncer, too. NULL: no such delegation. `due` without `stamped`:
  // a rival finished it meanwhile. A kept plan must not be the sequential scan of the day on which the table was empty.
  await sql`
    CREATE FUNCTION delegation_heartbeat(id text, debounce_ms float8) RETURNS json LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan = off AS $$
    DECLARE
      found_status text;
      is_due boolean;
      threshold_ms float8;
      is_stamped boolean := false;
    BEGIN
      -- However long the caller's debounce, ten stamps fit into the threshold. LEAST passes over NULL.
      SELECT d.status, s.stuck_after_ms, d.status IN ('queued', 'dispatched', 'in_progress')
        AND (d.last_heartbeat IS NULL OR d.last_heartbeat <= clock_timestamp()
          - least(debounce_ms, s.stuck_after_ms::float8 / 10) * interval '1 millisecond')
      INTO found_status, threshold_ms, is_due
      FROM delegations d LEFT JOIN sweeper_state s ON s.singleton
      WHERE d.delegation_id = id;
      IF NOT FOUND THEN
        RETURN NULL;
      END IF;
      IF is_due THEN
        -- clock_timestamp(): after a wait for the row's lock it is read again. greatest(): a stamp never goes back.
        -- Not "finished_at IS NULL": that could be answered by reading all of delegations_deadline.
        UPDATE delegations d SET last_heartbeat = greatest(d.last_heartbeat, clock_timestamp())
        WHERE d.delegation_id = id AND d.status IN ('queued', 'dispatched', 'in_progress');
        is_stamped := FOUND;
      END IF;
      RETURN json_build_object('delegationId', id, 'status', found_status, 'due', is_due, 'stamped', is_stamped,
        'terminal', found_status IN ('completed', 'failed', 'stuck'), 'stuckAfterMs', threshold_ms);
    END $$`.execute(db);

  // No foreign key: the stream outlives the row.
  await sql`
    CREATE TABLE activity_logs (
      activity_id   bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
      created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
      delegation_id text        COLLATE "C" NOT NULL,
      event         text        NOT NULL,
      from_status   text,
      to_status     text,
      actor         text        NOT NULL,
      detail        jsonb       NOT NULL DEFAULT '{}',
      request_body  jsonb,
      response_body jsonb,
      CONSTRAINT activity_logs_pkey PRIMARY KEY (activity_id),
      CONSTRAINT activity_logs_event_known CHECK (
        CASE WHEN to_status IS NULL THEN event IN ('delegation.late_result', 'delegation.orphan_update')
        ELSE event = 'delegation.' || to_status END),
      CONSTRAINT activity_logs_to_status_known CHECK
        (to_status IN ('queued', 'dispatched', 'in_progress', 'completed', 'failed', 'stuck')),
      CONSTRAINT activity_logs_from_status_known CHECK
        (from_status IN ('queued', 'dispatched', 'in_progress', 'completed', 'failed', 'stuck'))
    ) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_insert_threshold = 100000)`.execute(db);
  await sql`
    CREATE INDEX activity_logs_delegation ON activity_logs (delegation_id, activity_id)`.execute(db);
  // An agent that retries its refused result, also from two sessions at once, says nothing new.
  await sql`
    CREATE UNIQUE INDEX activity_logs_attempt ON activity_logs
      (delegation_id, event, hashtextextended(detail::text, 0), hashtextextended(coalesce(response_body::text, ''), 0))
    WHERE to_status IS NULL`.execute(db);
  // The rare ones that are no transitions, so that counting a day's late results costs those rows alone.
  await sql`
    CREATE INDEX activity_logs_untransitioned ON activity_logs (created_at)
    WHERE to_status IS NULL`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP TABLE activity_logs`.execute(db);
  await sql`DROP TABLE delegations`.execute(db);
  await sql`DROP FUNCTION delegation_heartbeat(text, float8)`.execute(db);
  await sql`DROP FUNCTION delegations_guard()`.execute(db);
}
