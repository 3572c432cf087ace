-- A ledger of version 0.1.0, with rows of each status: the tables as its migrations 0001 and 0002 made them, and what its
-- library and its daemon wrote (programs.js beside this file). Never to be changed: an upgrade begins with this.
--
-- Made on PostgreSQL 15 by pg_dump --no-owner --no-privileges --column-inserts --schema=old. All instants were then
-- moved to one day of the past, and psql's own commands left out, so that any client can send it.


SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE SCHEMA old;

CREATE FUNCTION old.delegation_heartbeat(id text, debounce_ms double precision) RETURNS json
    LANGUAGE plpgsql
    SET search_path TO 'old'
    SET enable_seqscan TO 'off'
    AS $$
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
    END $$;

CREATE FUNCTION old.delegations_guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    END $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE old.activity_logs (
    activity_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    delegation_id text NOT NULL COLLATE pg_catalog."C",
    event text NOT NULL,
    from_status text,
    to_status text,
    actor text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    request_body jsonb,
    response_body jsonb,
    CONSTRAINT activity_logs_event_known CHECK (
CASE
    WHEN (to_status IS NULL) THEN (event = ANY (ARRAY['delegation.late_result'::text, 'delegation.orphan_update'::text]))
    ELSE (event = ('delegation.'::text || to_status))
END),
    CONSTRAINT activity_logs_from_status_known CHECK ((from_status = ANY (ARRAY['queued'::text, 'dispatched'::text, 'in_progress'::text, 'completed'::text, 'failed'::text, 'stuck'::text]))),
    CONSTRAINT activity_logs_to_status_known CHECK ((to_status = ANY (ARRAY['queued'::text, 'dispatched'::text, 'in_progress'::text, 'completed'::text, 'failed'::text, 'stuck'::text])))
)
WITH (autovacuum_vacuum_insert_scale_factor='0.05', autovacuum_vacuum_insert_threshold='100000');

ALTER TABLE old.activity_logs ALTER COLUMN activity_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME old.activity_logs_activity_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE old.delegation_sweeper_migrations (
    name character varying(255) NOT NULL,
    "timestamp" character varying(255) NOT NULL
);

CREATE TABLE old.delegation_sweeper_migrations_lock (
    id character varying(255) NOT NULL,
    is_locked integer DEFAULT 0 NOT NULL
);

CREATE TABLE old.delegations (
    delegation_id text NOT NULL COLLATE pg_catalog."C",
    caller_id text NOT NULL,
    callee_id text NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    last_heartbeat timestamp with time zone,
    heartbeat_bucket timestamp with time zone GENERATED ALWAYS AS (date_bin('00:05:00'::interval, last_heartbeat, '1970-01-01 00:00:00+00'::timestamp with time zone)) STORED,
    deadline timestamp with time zone DEFAULT (statement_timestamp() + '06:00:00'::interval) NOT NULL,
    finished_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    idempotency_key text,
    task_preview text NOT NULL,
    result_preview text,
    error_detail text,
    CONSTRAINT delegations_callee_id_length CHECK (((char_length(callee_id) >= 1) AND (char_length(callee_id) <= 200))),
    CONSTRAINT delegations_caller_id_length CHECK (((char_length(caller_id) >= 1) AND (char_length(caller_id) <= 200))),
    CONSTRAINT delegations_delegation_id_length CHECK (((char_length(delegation_id) >= 1) AND (char_length(delegation_id) <= 200))),
    CONSTRAINT delegations_error_detail_size CHECK ((octet_length(error_detail) <= 4096)),
    CONSTRAINT delegations_finished_when_terminal CHECK (((finished_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text, 'stuck'::text])))),
    CONSTRAINT delegations_idempotency_key_length CHECK (((char_length(idempotency_key) >= 1) AND (char_length(idempotency_key) <= 200))),
    CONSTRAINT delegations_result_preview_size CHECK ((octet_length(result_preview) <= 4096)),
    CONSTRAINT delegations_status_known CHECK ((status = ANY (ARRAY['queued'::text, 'dispatched'::text, 'in_progress'::text, 'completed'::text, 'failed'::text, 'stuck'::text]))),
    CONSTRAINT delegations_task_preview_size CHECK ((octet_length(task_preview) <= 4096))
)
WITH (fillfactor='70', toast_tuple_target='256', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000', vacuum_index_cleanup='on', autovacuum_vacuum_insert_scale_factor='0.05', autovacuum_vacuum_insert_threshold='100000', autovacuum_analyze_scale_factor='0.02', autovacuum_analyze_threshold='5000');

CREATE TABLE old.sweeper_gaps (
    gap_start timestamp with time zone NOT NULL,
    gap_end timestamp with time zone NOT NULL,
    CONSTRAINT sweeper_gaps_forward CHECK ((gap_start < gap_end))
);

CREATE TABLE old.sweeper_notices (
    kind text NOT NULL,
    subject text NOT NULL,
    noticed_at timestamp with time zone NOT NULL
);

CREATE TABLE old.sweeper_state (
    singleton boolean DEFAULT true NOT NULL,
    stuck_after_ms bigint,
    beat_at timestamp with time zone,
    sweep_id text,
    swept_at timestamp with time zone,
    storm_held_since timestamp with time zone,
    storm_released_at timestamp with time zone,
    CONSTRAINT sweeper_state_one_row CHECK (singleton),
    CONSTRAINT sweeper_state_stuck_after_positive CHECK ((stuck_after_ms > 0))
)
WITH (fillfactor='25');

CREATE TABLE old.sweeper_sweeps (
    sweep_id text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    trigger text NOT NULL,
    stuck integer NOT NULL,
    failed integer NOT NULL,
    poisoned integer NOT NULL,
    remaining integer NOT NULL,
    truncated boolean NOT NULL,
    held boolean NOT NULL,
    batches integer NOT NULL,
    duration_ms bigint NOT NULL,
    unobserved_ms bigint NOT NULL,
    callees jsonb NOT NULL,
    marks jsonb NOT NULL
);

INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (1, '2025-06-02 11:28:59.550243+00', 'queued', 'delegation.queued', NULL, 'queued', 'ledger', '{}', '{"tools": ["search"], "prompt": "Summarise the quarter."}', NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (2, '2025-06-02 11:28:59.553305+00', 'dispatched', 'delegation.queued', NULL, 'queued', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (3, '2025-06-02 11:28:59.55695+00', 'dispatched', 'delegation.dispatched', 'queued', 'dispatched', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (4, '2025-06-02 11:28:59.559252+00', 'in-progress', 'delegation.queued', NULL, 'queued', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (5, '2025-06-02 11:28:59.561438+00', 'in-progress', 'delegation.dispatched', 'queued', 'dispatched', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (6, '2025-06-02 11:28:59.564395+00', 'in-progress', 'delegation.in_progress', 'dispatched', 'in_progress', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (7, '2025-06-02 11:28:59.566404+00', 'silent', 'delegation.queued', NULL, 'queued', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (8, '2025-06-02 11:28:59.568391+00', 'silent', 'delegation.in_progress', 'queued', 'in_progress', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (9, '2025-06-02 11:28:59.570253+00', 'completed', 'delegation.queued', NULL, 'queued', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (10, '2025-06-02 11:28:59.572399+00', 'completed', 'delegation.in_progress', 'queued', 'in_progress', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (11, '2025-06-02 11:28:59.575268+00', 'completed', 'delegation.completed', 'in_progress', 'completed', 'ledger', '{"resultPreview": "Revenue grew."}', NULL, '{"text": "Revenue grew.", "ratio": 0.1}');
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (12, '2025-06-02 11:28:59.57709+00', 'failed', 'delegation.queued', NULL, 'queued', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (13, '2025-06-02 11:28:59.579531+00', 'failed', 'delegation.failed', 'queued', 'failed', 'orchestrator', '{"errorDetail": "the provider refused"}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (14, '2025-06-02 11:28:59.582126+00', 'stuck', 'delegation.queued', NULL, 'queued', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (15, '2025-06-02 11:28:59.584587+00', 'stuck', 'delegation.in_progress', 'queued', 'in_progress', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (16, '2025-06-02 11:28:59.586312+00', 'overdue', 'delegation.queued', NULL, 'queued', 'ledger', '{}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (17, '2025-06-02 11:28:59.588237+00', 'unknown', 'delegation.orphan_update', NULL, NULL, 'ledger', '{"attempted": "completed", "resultPreview": "Nobody asked."}', NULL, '{"text": "Nobody asked."}');
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (18, '2025-06-02 11:28:59.619682+00', 'overdue', 'delegation.failed', 'queued', 'failed', 'sweeper', '{"rule": "overdue", "sweepId": "1814ca78-478c-4342-8b7f-dbfd7f9c8360", "deadline": "2025-06-02T11:27:59.591335+00:00", "overdueMs": 60019, "lastHeartbeat": null}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (19, '2025-06-02 11:28:59.628299+00', 'stuck', 'delegation.stuck', 'in_progress', 'stuck', 'sweeper', '{"rule": "stale", "sweepId": "1814ca78-478c-4342-8b7f-dbfd7f9c8360", "deadline": "2036-01-01T00:00:00+00:00", "silentMs": 1200025, "stuckAfterMs": 600000, "lastHeartbeat": "2025-06-02T11:08:59.584429+00:00"}', NULL, NULL);
INSERT INTO old.activity_logs (activity_id, created_at, delegation_id, event, from_status, to_status, actor, detail, request_body, response_body) OVERRIDING SYSTEM VALUE VALUES (20, '2025-06-02 11:28:59.65699+00', 'stuck', 'delegation.late_result', 'stuck', NULL, 'ledger', '{"attempted": "completed", "resultPreview": "Late, and right."}', NULL, '{"text": "Late, and right."}');

INSERT INTO old.delegation_sweeper_migrations (name, "timestamp") VALUES ('0001_ledger', '2025-06-02T11:28:59.524Z');
INSERT INTO old.delegation_sweeper_migrations (name, "timestamp") VALUES ('0002_sweeper', '2025-06-02T11:28:59.541Z');

INSERT INTO old.delegation_sweeper_migrations_lock (id, is_locked) VALUES ('migration_lock', 0);

INSERT INTO old.delegations (delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, idempotency_key, task_preview, result_preview, error_detail) VALUES ('queued', 'orchestrator', 'summariser', 'queued', NULL, '2036-01-01 00:00:00+00', NULL, '2025-06-02 11:28:59.549626+00', '2025-06-02 11:28:59.549626+00', 'quarter-1', 'Summarise the quarter.', NULL, NULL);
INSERT INTO old.delegations (delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, idempotency_key, task_preview, result_preview, error_detail) VALUES ('dispatched', 'orchestrator', 'summariser', 'dispatched', NULL, '2036-01-01 00:00:00+00', NULL, '2025-06-02 11:28:59.553104+00', '2025-06-02 11:28:59.556782+00', NULL, 'Summarise the quarter.', NULL, NULL);
INSERT INTO old.delegations (delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, idempotency_key, task_preview, result_preview, error_detail) VALUES ('in-progress', 'orchestrator', 'summariser', 'in_progress', '2025-06-02 11:28:59.564104+00', '2036-01-01 00:00:00+00', NULL, '2025-06-02 11:28:59.559053+00', '2025-06-02 11:28:59.564104+00', NULL, 'Summarise the quarter.', NULL, NULL);
INSERT INTO old.delegations (delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, idempotency_key, task_preview, result_preview, error_detail) VALUES ('silent', 'orchestrator', 'researcher', 'in_progress', '2025-06-02 11:28:59.568251+00', '2036-01-01 00:00:00+00', NULL, '2025-06-02 11:28:59.566254+00', '2025-06-02 11:28:59.568252+00', NULL, 'Summarise the quarter.', NULL, NULL);
INSERT INTO old.delegations (delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, idempotency_key, task_preview, result_preview, error_detail) VALUES ('completed', 'orchestrator', 'summariser', 'completed', '2025-06-02 11:28:59.572253+00', '2036-01-01 00:00:00+00', '2025-06-02 11:28:59.575083+00', '2025-06-02 11:28:59.570087+00', '2025-06-02 11:28:59.575083+00', NULL, 'O''Neil \ "quoted" ← ünï 🙂', 'Revenue grew.', NULL);
INSERT INTO old.delegations (delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, idempotency_key, task_preview, result_preview, error_detail) VALUES ('failed', 'orchestrator', 'summariser', 'failed', NULL, '2036-01-01 00:00:00+00', '2025-06-02 11:28:59.579379+00', '2025-06-02 11:28:59.576942+00', '2025-06-02 11:28:59.579379+00', NULL, 'Summarise the quarter.', NULL, 'the provider refused');
INSERT INTO old.delegations (delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, idempotency_key, task_preview, result_preview, error_detail) VALUES ('overdue', 'orchestrator', 'summariser', 'failed', NULL, '2025-06-02 11:27:59.591335+00', '2025-06-02 11:28:59.619533+00', '2025-06-02 11:28:59.586141+00', '2025-06-02 11:28:59.619533+00', NULL, 'Summarise the quarter.', NULL, 'deadline exceeded');
INSERT INTO old.delegations (delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, idempotency_key, task_preview, result_preview, error_detail) VALUES ('stuck', 'orchestrator', 'researcher', 'stuck', '2025-06-02 11:08:59.584429+00', '2036-01-01 00:00:00+00', '2025-06-02 11:28:59.628063+00', '2025-06-02 11:28:59.581949+00', '2025-06-02 11:28:59.628063+00', NULL, 'Summarise the quarter.', NULL, 'no heartbeat for 1200s');

INSERT INTO old.sweeper_gaps (gap_start, gap_end) VALUES ('2025-06-02 11:27:29.599156+00', '2025-06-02 11:28:59.65257+00');

INSERT INTO old.sweeper_notices (kind, subject, noticed_at) VALUES ('daily', 'false positives', '2025-06-02 11:28:59.637387+00');

INSERT INTO old.sweeper_state (singleton, stuck_after_ms, beat_at, sweep_id, swept_at, storm_held_since, storm_released_at) VALUES (true, 600000, '2025-06-02 11:28:59.65257+00', '1814ca78-478c-4342-8b7f-dbfd7f9c8360', '2025-06-02 11:28:59.648919+00', NULL, NULL);

INSERT INTO old.sweeper_sweeps (sweep_id, started_at, trigger, stuck, failed, poisoned, remaining, truncated, held, batches, duration_ms, unobserved_ms, callees, marks) VALUES ('1814ca78-478c-4342-8b7f-dbfd7f9c8360', '2025-06-02 11:28:59.610373+00', 'cron', 1, 1, 0, 0, false, false, 2, 24, 0, '[{"count": 1, "calleeId": "researcher"}]', '[{"rule": "overdue", "calleeId": "summariser", "callerId": "orchestrator", "fromStatus": "queued", "latenessMs": 60019, "delegationId": "overdue", "stuckAfterMs": 600000}, {"rule": "stale", "calleeId": "researcher", "callerId": "orchestrator", "fromStatus": "in_progress", "latenessMs": 1200025, "delegationId": "stuck", "stuckAfterMs": 600000}]');

SELECT pg_catalog.setval('old.activity_logs_activity_id_seq', 20, true);

ALTER TABLE ONLY old.activity_logs
    ADD CONSTRAINT activity_logs_pkey PRIMARY KEY (activity_id);

ALTER TABLE ONLY old.delegation_sweeper_migrations_lock
    ADD CONSTRAINT delegation_sweeper_migrations_lock_pkey PRIMARY KEY (id);

ALTER TABLE ONLY old.delegation_sweeper_migrations
    ADD CONSTRAINT delegation_sweeper_migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY old.delegations
    ADD CONSTRAINT delegations_pkey PRIMARY KEY (delegation_id);

ALTER TABLE ONLY old.sweeper_gaps
    ADD CONSTRAINT sweeper_gaps_pkey PRIMARY KEY (gap_end);

ALTER TABLE ONLY old.sweeper_notices
    ADD CONSTRAINT sweeper_notices_pkey PRIMARY KEY (kind, subject);

ALTER TABLE ONLY old.sweeper_state
    ADD CONSTRAINT sweeper_state_pkey PRIMARY KEY (singleton);

ALTER TABLE ONLY old.sweeper_sweeps
    ADD CONSTRAINT sweeper_sweeps_pkey PRIMARY KEY (sweep_id);

CREATE UNIQUE INDEX activity_logs_attempt ON old.activity_logs USING btree (delegation_id, event, hashtextextended((detail)::text, (0)::bigint), hashtextextended(COALESCE((response_body)::text, ''::text), (0)::bigint)) WHERE (to_status IS NULL);

CREATE INDEX activity_logs_delegation ON old.activity_logs USING btree (delegation_id, activity_id);

CREATE INDEX activity_logs_untransitioned ON old.activity_logs USING btree (created_at) WHERE (to_status IS NULL);

CREATE INDEX delegations_deadline ON old.delegations USING btree (deadline, delegation_id) WHERE (finished_at IS NULL);

CREATE INDEX delegations_heartbeat_bucket ON old.delegations USING btree (heartbeat_bucket, delegation_id) WHERE (status = 'in_progress'::text);

CREATE UNIQUE INDEX delegations_idempotency_key ON old.delegations USING btree (caller_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX sweeper_sweeps_started_at ON old.sweeper_sweeps USING btree (started_at);

CREATE TRIGGER delegations_guard_insert BEFORE INSERT ON old.delegations FOR EACH ROW WHEN ((((new.status = 'in_progress'::text) AND (new.last_heartbeat IS NULL)) OR ((new.status = ANY (ARRAY['completed'::text, 'failed'::text, 'stuck'::text])) AND (new.finished_at IS NULL)))) EXECUTE FUNCTION old.delegations_guard();

CREATE TRIGGER delegations_guard_update BEFORE UPDATE OF status ON old.delegations FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) AND (NOT (((old.status = ANY (ARRAY['queued'::text, 'dispatched'::text])) AND (new.status = 'in_progress'::text) AND (new.last_heartbeat IS NOT NULL)) OR ((old.status = 'queued'::text) AND (new.status = 'dispatched'::text)) OR ((old.status = ANY (ARRAY['queued'::text, 'dispatched'::text, 'in_progress'::text])) AND (new.status = 'failed'::text) AND (new.finished_at IS NOT NULL)) OR ((old.status = ANY (ARRAY['dispatched'::text, 'in_progress'::text])) AND (new.status = 'completed'::text) AND (new.finished_at IS NOT NULL)) OR ((old.status = 'in_progress'::text) AND (new.status = 'stuck'::text) AND (new.finished_at IS NOT NULL)))))) EXECUTE FUNCTION old.delegations_guard();

