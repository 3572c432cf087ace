import { type Kysely, type RawBuilder, sql } from 'kysely';

/**
 * A delegation may wait, have a threshold of its own, and report progress; a change of status by any client has its
 * activity when the transaction commits.
 *
 * Nothing here reads or rewrites a row. Constraints are validated and indexes are built afterwards (src/db/finishing/).
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await columns(db);
  await betweenTicks(db);
  await constraints(db);
  await guard(db);
  await symmetry(db);
}

/**
 * The server reads and plans each CHECK anew in each statement that writes a row, a heartbeat's included, which was a
 * third of what a life costs. So a list of statuses is one constant, half as long, and what only an insert sets is the
 * guard's to check. NOT VALID: each row that the older constraint accepted is accepted by the new one, too.
 */
async function constraints(db: Kysely<unknown>): Promise<void> {
  await sql`
    ALTER TABLE delegations
      DROP CONSTRAINT delegations_delegation_id_length, DROP CONSTRAINT delegations_caller_id_length,
      DROP CONSTRAINT delegations_callee_id_length, DROP CONSTRAINT delegations_idempotency_key_length,
      DROP CONSTRAINT delegations_task_preview_size,
      DROP CONSTRAINT delegations_status_known, ADD CONSTRAINT delegations_status_known CHECK
        (status = ANY ('{queued,dispatched,in_progress,completed,failed,stuck}'::text[])) NOT VALID,
      DROP CONSTRAINT delegations_finished_when_terminal, ADD CONSTRAINT delegations_finished_when_terminal CHECK
        ((finished_at IS NOT NULL) = (status = ANY ('{completed,failed,stuck}'::text[]))) NOT VALID`.execute(db);
  await sql`
    ALTER TABLE activity_logs
      DROP CONSTRAINT activity_logs_event_known, ADD CONSTRAINT activity_logs_event_known CHECK (
        CASE WHEN to_status IS NULL THEN event = ANY ('{delegation.late_result,delegation.orphan_update,delegation.waiting,delegation.resumed,delegation.adjusted,delegation.probed,delegation.healed}'::text[])
        ELSE event = 'delegation.' || to_status END) NOT VALID,
      DROP CONSTRAINT activity_logs_from_status_known, ADD CONSTRAINT activity_logs_from_status_known CHECK
        (from_status = ANY ('{queued,dispatched,in_progress,completed,failed,stuck}'::text[])) NOT VALID,
      DROP CONSTRAINT activity_logs_to_status_known, ADD CONSTRAINT activity_logs_to_status_known CHECK
        (to_status = ANY ('{queued,dispatched,in_progress,completed,failed,stuck}'::text[])) NOT VALID`.execute(db);
}

async function columns(db: Kysely<unknown>): Promise<void> {
  // suspect_at       NULL for a plain row: no threshold of its own, no stalled_after_ms, no wait. Otherwise no rule about
  //                  silence can match before this instant. It may be too early, never too late: the sweep judges exactly.
  // lowered_from_ms  the row's own threshold before it was lowered at lowered_at. Until the row is heard again, it is judged
  //   , lowered_at   by the longer one. After several lowerings: the longest threshold, and the latest instant.
  // stalled_from     lack of progress counts from here at the earliest.
  // revision         increased with each transition by a writer that records the activity itself; 1 after its insert.
  await sql`
    ALTER TABLE delegations
      ADD COLUMN stuck_after_ms bigint,
      ADD COLUMN waiting_since timestamptz,
      ADD COLUMN waiting_until timestamptz,
      ADD COLUMN waiting_reason text,
      ADD COLUMN progress text,
      ADD COLUMN progress_at timestamptz,
      ADD COLUMN stalled_after_ms bigint,
      ADD COLUMN retry_of text COLLATE "C",
      ADD COLUMN attempt integer NOT NULL DEFAULT 1,
      ADD COLUMN traceparent text,
      ADD COLUMN suspect_at timestamptz,
      ADD COLUMN lowered_from_ms bigint,
      ADD COLUMN lowered_at timestamptz,
      ADD COLUMN stalled_from timestamptz,
      ADD COLUMN revision integer NOT NULL DEFAULT 0`.execute(db);
  // How many of a sweep's marks `stuck` were for lack of progress.
  await sql`ALTER TABLE sweeper_sweeps ADD COLUMN stalled integer NOT NULL DEFAULT 0`.execute(db);
}

/** For sweeps between the ticks, which run when a delegation comes due. */
async function betweenTicks(db: Kysely<unknown>): Promise<void> {
  // While such a sweep has the lease: the last sweep that ran on a tick.
  await sql`ALTER TABLE sweeper_state ADD COLUMN tick_sweep_id text`.execute(db);
  // How many sweeps a record stands for: several sweeps between the ticks share one record.
  await sql`ALTER TABLE sweeper_sweeps ADD COLUMN sweeps integer NOT NULL DEFAULT 1`.execute(db);
}

/**
 * The guard of 0005, which now also validates the new columns and the texts of an insert, and derives values from them.
 * CHECK constraints would be read and planned again by every heartbeat; a plain row enters PL/pgSQL as rarely as before.
 * WHEN clauses are read again in each statement, too, and are as short as possible.
 */
async function guard(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE OR REPLACE FUNCTION delegations_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      -- The longest threshold and wait: 30 days. Hours, since a day is not always 24 of them.
      threshold_max_ms CONSTANT bigint := 2592000000;
      wait_max CONSTANT interval := interval '720 hours';
      at timestamptz := clock_timestamp();
      is_update boolean := TG_OP = 'UPDATE';
      has_moved boolean := TG_OP = 'INSERT' OR OLD.status IS DISTINCT FROM NEW.status;
      was_longer_ms bigint;
      in_force_ms bigint;
      effective_ms bigint;
      problem text;
    BEGIN
      IF is_update AND has_moved AND NOT (
           (OLD.status = 'queued'      AND NEW.status IN ('dispatched', 'in_progress', 'failed'))
        OR (OLD.status = 'dispatched'  AND NEW.status IN ('in_progress', 'completed', 'failed'))
        OR (OLD.status = 'in_progress' AND NEW.status IN ('completed', 'failed', 'stuck')))
      THEN
        RAISE EXCEPTION 'delegation status may not go from % to %', OLD.status, NEW.status
          USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'delegations_forward_only';
      END IF;
      IF NEW.status IN ('completed', 'failed', 'stuck') THEN
        NEW.finished_at := coalesce(NEW.finished_at, at);
      END IF;
      IF NEW.status = 'in_progress' OR NEW.last_heartbeat IS NOT NULL THEN
        -- LEAST and GREATEST pass over NULL, here and below.
        NEW.last_heartbeat := least(NEW.last_heartbeat, at);
      END IF;
      problem := CASE WHEN char_length(NEW.delegation_id) NOT BETWEEN 1 AND 200 THEN 'delegation_id'
        WHEN char_length(NEW.caller_id) NOT BETWEEN 1 AND 200 THEN 'caller_id'
        WHEN char_length(NEW.callee_id) NOT BETWEEN 1 AND 200 THEN 'callee_id'
        WHEN char_length(NEW.idempotency_key) NOT BETWEEN 1 AND 200 THEN 'idempotency_key' END;
      IF problem IS NOT NULL THEN
        RAISE EXCEPTION '% must have 1 to 200 characters', problem
          USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'delegations_' || problem || '_length';
      END IF;
      IF octet_length(NEW.task_preview) > 4096 THEN
        RAISE EXCEPTION 'task_preview must have at most 4096 bytes, not %', octet_length(NEW.task_preview)
          USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'delegations_task_preview_size';
      END IF;
      IF NEW.suspect_at IS NULL AND NEW.attempt = 1 AND num_nonnulls(NEW.stuck_after_ms, NEW.stalled_after_ms,
           NEW.waiting_since, NEW.waiting_until, NEW.waiting_reason, NEW.progress, NEW.progress_at, NEW.retry_of,
           NEW.traceparent) = 0
      THEN
        RETURN NEW;
      END IF;

      IF has_moved AND is_update OR NEW.status IN ('completed', 'failed', 'stuck') THEN
        -- Every change of status ends a wait.
        NEW.waiting_since := NULL;
        NEW.waiting_until := NULL;
        NEW.waiting_reason := NULL;
      END IF;
      problem := CASE
        WHEN NEW.stuck_after_ms NOT BETWEEN 1000 AND threshold_max_ms THEN
          format('stuck_after_ms must be from 1000 to %s, not %s', threshold_max_ms, NEW.stuck_after_ms)
        WHEN NEW.stalled_after_ms NOT BETWEEN 1000 AND threshold_max_ms THEN
          format('stalled_after_ms must be from 1000 to %s, not %s', threshold_max_ms, NEW.stalled_after_ms)
        WHEN num_nulls(NEW.waiting_since, NEW.waiting_until, NEW.waiting_reason) NOT IN (0, 3) THEN
          'waiting_since, waiting_until and waiting_reason must be set together, or none of them'
        WHEN NEW.waiting_until <= NEW.waiting_since OR NOT isfinite(NEW.waiting_since) THEN
          'waiting_until must be later than waiting_since'
        WHEN NEW.waiting_until > at + wait_max THEN 'waiting_until must be at most 30 days from now'
        WHEN char_length(NEW.waiting_reason) NOT BETWEEN 1 AND 200 THEN
          format('waiting_reason must have 1 to 200 characters, not %s', char_length(NEW.waiting_reason))
        WHEN char_length(NEW.progress) NOT BETWEEN 1 AND 200 THEN
          format('progress must have 1 to 200 characters, not %s', char_length(NEW.progress))
        WHEN NOT isfinite(NEW.progress_at) THEN 'progress_at must be finite'
        WHEN char_length(NEW.retry_of) NOT BETWEEN 1 AND 200 THEN
          format('retry_of must have 1 to 200 characters, not %s', char_length(NEW.retry_of))
        WHEN NEW.attempt < 1 THEN format('attempt must be at least 1, not %s', NEW.attempt)
        WHEN NEW.traceparent !~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}' OR char_length(NEW.traceparent) > 200
          THEN 'traceparent must be a W3C trace context'
      END;
      IF problem IS NOT NULL THEN
        RAISE EXCEPTION '%', problem
          USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'delegations_meaning_sound';
      END IF;

      -- What was last said about progress, and when: the clock where the writer names no instant.
      NEW.progress_at := CASE WHEN NEW.progress IS NULL THEN NULL
        WHEN is_update AND NEW.progress IS DISTINCT FROM OLD.progress AND NEW.progress_at IS NOT DISTINCT FROM OLD.progress_at
          THEN at
        ELSE least(NEW.progress_at, at) END;

      IF num_nonnulls(NEW.suspect_at, NEW.stuck_after_ms, NEW.stalled_after_ms, NEW.waiting_until) = 0 THEN
        RETURN NEW;
      END IF;

      -- The threshold in force, where the row has or had none of its own.
      IF NEW.stuck_after_ms IS NULL OR is_update AND OLD.stuck_after_ms IS NULL THEN
        EXECUTE format('SELECT stuck_after_ms FROM %I.sweeper_threshold WHERE singleton', TG_TABLE_SCHEMA) INTO in_force_ms;
      END IF;
      IF is_update THEN
        -- A longer one counts until the row has been heard since it was lowered. No daemon has run yet: ten minutes.
        was_longer_ms := CASE WHEN OLD.lowered_at >= coalesce(OLD.last_heartbeat, '-infinity') THEN OLD.lowered_from_ms END;
        effective_ms := greatest(coalesce(OLD.stuck_after_ms, in_force_ms, 600000), was_longer_ms);
        -- Whoever counts no revisions knows nothing of waits and of thresholds of a row's own, and marks by the daemons'.
        IF has_moved AND NEW.status = 'stuck' AND NEW.revision = OLD.revision
          AND num_nonnulls(OLD.stuck_after_ms, OLD.waiting_until, was_longer_ms) > 0
          AND at < greatest(OLD.last_heartbeat, OLD.waiting_until) + effective_ms * interval '1 millisecond'
        THEN
          RAISE EXCEPTION 'delegation % may not be marked stuck: it waits, or its own threshold has not passed', OLD.delegation_id
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'delegations_own_silence';
        END IF;
        IF NEW.stuck_after_ms IS DISTINCT FROM OLD.stuck_after_ms THEN
          IF OLD.stuck_after_ms IS NULL THEN
            -- The daemons' was lowered and the row has not been heard since: it is still judged by the one of before.
            EXECUTE format('SELECT greatest($1, max(l.stuck_after_ms)) FROM %I.sweeper_lowerings l WHERE l.lowered_at > $2',
              TG_TABLE_SCHEMA) INTO effective_ms USING effective_ms, OLD.last_heartbeat;
          END IF;
          IF coalesce(NEW.stuck_after_ms, in_force_ms, 600000) < effective_ms THEN
            NEW.lowered_from_ms := effective_ms;
            NEW.lowered_at := at;
          ELSE
            NEW.lowered_from_ms := NULL;
            NEW.lowered_at := NULL;
          END IF;
        END IF;
        -- The deadline stands still during a wait: it moves by what is waited longer or shorter than was agreed before.
        -- Seconds, since an interval of days would follow the session's time zone. A writer's own deadline is kept.
        IF NEW.waiting_until IS DISTINCT FROM OLD.waiting_until AND NEW.deadline = OLD.deadline THEN
          NEW.deadline := NEW.deadline + interval '1 second'
            * extract(epoch FROM greatest(NEW.waiting_until, at) - greatest(OLD.waiting_until, at))::float8;
        END IF;
        -- Whoever ends a wait gives a sign of life. Silence would count from before the wait otherwise.
        IF NOT has_moved AND OLD.waiting_until IS NOT NULL AND NEW.waiting_until IS NULL THEN
          NEW.last_heartbeat := greatest(NEW.last_heartbeat, at);
        END IF;
      END IF;
      IF NEW.lowered_at < NEW.last_heartbeat THEN
        NEW.lowered_from_ms := NULL;
        NEW.lowered_at := NULL;
      END IF;
      NEW.stalled_from := CASE WHEN NEW.stalled_after_ms IS NULL THEN NULL
        WHEN NOT is_update THEN least(NEW.stalled_from, at)
        WHEN has_moved OR NEW.stalled_after_ms IS DISTINCT FROM OLD.stalled_after_ms
          OR OLD.waiting_until IS NOT NULL AND NEW.waiting_until IS NULL THEN at
        ELSE NEW.stalled_from END;
      NEW.suspect_at := CASE WHEN NEW.status IN ('completed', 'failed', 'stuck')
          OR num_nonnulls(NEW.stuck_after_ms, NEW.stalled_after_ms, NEW.waiting_until, NEW.lowered_at) = 0 THEN NULL
        ELSE ${suspectAt} END;
      RETURN NEW;
    END $$`.execute(db);
  await sql`
    CREATE OR REPLACE TRIGGER delegations_guard_update BEFORE UPDATE OF status ON delegations FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (OLD.suspect_at IS NULL
      AND OLD.status || '>' || NEW.status = ANY ('{queued>dispatched,queued>in_progress,queued>failed,dispatched>in_progress,dispatched>completed,dispatched>failed,in_progress>completed,in_progress>failed,in_progress>stuck}'::text[])
      AND (NEW.finished_at IS NULL) = (NEW.status = ANY ('{dispatched,in_progress}'::text[]))
      AND (NEW.status <> 'in_progress' OR NEW.last_heartbeat <= clock_timestamp())) IS NOT TRUE)
    EXECUTE FUNCTION delegations_guard()`.execute(db);
  await sql`
    CREATE OR REPLACE TRIGGER delegations_guard_insert BEFORE INSERT ON delegations FOR EACH ROW
    WHEN (NEW.status <> 'queued' OR NEW.attempt <> 1 OR octet_length(NEW.task_preview) > 4096
       OR greatest(char_length(NEW.delegation_id), char_length(NEW.caller_id), char_length(NEW.callee_id), char_length(NEW.idempotency_key)) > 200
       OR '' IN (NEW.delegation_id, NEW.caller_id, NEW.callee_id, NEW.idempotency_key)
       OR num_nonnulls(NEW.last_heartbeat, NEW.stuck_after_ms, NEW.stalled_after_ms, NEW.waiting_since, NEW.waiting_until,
         NEW.waiting_reason, NEW.progress, NEW.progress_at, NEW.retry_of, NEW.traceparent, NEW.suspect_at) > 0)
    EXECUTE FUNCTION delegations_guard()`.execute(db);
  await sql`
    CREATE TRIGGER delegations_guard_texts BEFORE UPDATE OF delegation_id, caller_id, callee_id, idempotency_key, task_preview
    ON delegations FOR EACH ROW EXECUTE FUNCTION delegations_guard()`.execute(db);
  await sql`
    CREATE TRIGGER delegations_guard_meaning BEFORE UPDATE OF stuck_after_ms, stalled_after_ms, waiting_since,
      waiting_until, waiting_reason, progress, progress_at, retry_of, attempt, traceparent ON delegations FOR EACH ROW
    EXECUTE FUNCTION delegations_guard()`.execute(db);
}

/** src/ledger/functions/suspect-at.ts has the same expression with other names; test/db/suspect-at.test.ts compares them. */
const suspectAt: RawBuilder<unknown> = sql.raw(`least(
          coalesce(greatest(NEW.last_heartbeat, NEW.waiting_until), at)
            + coalesce(NEW.stuck_after_ms, in_force_ms, 1000) * interval '1 millisecond',
          greatest(NEW.progress_at, NEW.stalled_from, NEW.waiting_until) + NEW.stalled_after_ms * interval '1 millisecond')`);

/**
 * Adds the activity of a transition whose writer did not record it. Deferred, since a writer may record it in a later
 * statement of its transaction. SECURITY DEFINER, since a role that may change a status need not have the right to write
 * activities; `role` names the role that changed it, also after SET ROLE.
 */
async function symmetry(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE FUNCTION delegations_symmetry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    BEGIN
      -- A status is visited at most once, so one activity is enough, unless it is that of an earlier delegation of this id.
      EXECUTE format('INSERT INTO %1$I.activity_logs (delegation_id, event, from_status, to_status, actor, detail)
        SELECT $1, ''delegation.'' || $3, $2, $3, $4, $5
        WHERE NOT EXISTS (SELECT FROM %1$I.activity_logs a
          WHERE a.delegation_id = $1 AND a.to_status = $3 AND a.created_at >= $6)', TG_TABLE_SCHEMA)
      USING NEW.delegation_id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status,
        coalesce(nullif(current_setting('role'), 'none'), session_user),
        jsonb_strip_nulls(jsonb_build_object(
          'errorDetail', CASE WHEN NEW.status IN ('failed', 'stuck') THEN NEW.error_detail END,
          'resultPreview', CASE WHEN NEW.status = 'completed' THEN NEW.result_preview END)),
        least(NEW.created_at, transaction_timestamp());
      RETURN NULL;
    END $$`.execute(db);
  // A role that may execute it could use it as a trigger on a table of its own, beside its own activity_logs, whose
  // triggers would then run with this function's rights.
  await sql`REVOKE ALL ON FUNCTION delegations_symmetry() FROM PUBLIC`.execute(db);
  await sql`
    CREATE CONSTRAINT TRIGGER delegations_symmetry_insert AFTER INSERT ON delegations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.revision = 0)
    EXECUTE FUNCTION delegations_symmetry()`.execute(db);
  await sql`
    CREATE CONSTRAINT TRIGGER delegations_symmetry_update AFTER UPDATE OF status ON delegations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.revision = OLD.revision)
    EXECUTE FUNCTION delegations_symmetry()`.execute(db);
}

/**
 * Leaves the guard's function as it is, and drops the triggers over the new columns; the earlier migrations drop the
 * tables. Also drops the functions of src/ledger/functions/, which `migrate up` installs, except the one that 0001 drops.
 */
export async function down(db: Kysely<unknown>): Promise<void> {
  const triggers = [
    'guard_update',
    'guard_insert',
    'guard_texts',
    'guard_meaning',
    'symmetry_insert',
    'symmetry_update',
  ];
  for (const name of triggers) await sql`DROP TRIGGER ${sql.id(`delegations_${name}`)} ON delegations`.execute(db);
  await sql`DROP FUNCTION delegations_symmetry()`.execute(db);
  const { rows } = await sql<{ signature: string }>`
    SELECT p.oid::regprocedure::text AS signature FROM pg_proc p
    WHERE p.pronamespace = quote_ident(current_schema())::regnamespace AND obj_description(p.oid, 'pg_proc') LIKE 'delegation-sweeper %'
      AND NOT (p.proname = 'delegation_heartbeat' AND p.proargtypes = '25 701'::oidvector)`.execute(db);
  for (const { signature } of rows) await sql`DROP FUNCTION ${sql.raw(signature)}`.execute(db);
  await sql`ALTER TABLE sweeper_sweeps DROP COLUMN sweeps`.execute(db);
  await sql`ALTER TABLE sweeper_state DROP COLUMN tick_sweep_id`.execute(db);
  const columns = [
    'stuck_after_ms',
    'waiting_since',
    'waiting_until',
    'waiting_reason',
    'progress',
    'progress_at',
    'stalled_after_ms',
    'retry_of',
    'attempt',
    'traceparent',
    'suspect_at',
    'lowered_from_ms',
    'lowered_at',
    'stalled_from',
    'revision',
  ];
  await sql`ALTER TABLE sweeper_sweeps DROP COLUMN stalled`.execute(db);
  await sql`ALTER TABLE delegations ${sql.join(columns.map((column) => sql`DROP COLUMN ${sql.id(column)}`))}`.execute(
    db,
  );
}
