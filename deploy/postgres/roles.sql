-- The four roles of delegation-sweeper, each with only the rights that its work needs. PostgreSQL 15 to 18, psql.
--
--   psql "$ADMIN_URL" -f deploy/postgres/roles.sql
--
-- Run it as a superuser, or as the database's owner with CREATEROLE: before the first `migrate up`, to make the roles
-- and the schemas; after it, to grant the rights on the tables; and after each upgrade that brought a migration.
-- Running it more often changes nothing.
--
-- Variables, with -v name=value:
--   migrator, sweeper, writer, reader   names of the roles; default delegation_sweeper_<name>
--   db_schema, pgboss_schema            as DB_SCHEMA and PGBOSS_SCHEMA; default public, pgboss
--   name_lock_holders                   on: the sweeper may see other sessions' names and states (pg_read_all_stats), so
--                                       that sweep.row_locked names the session; default off: only its pid
--   retention                           on: the sweeper may delete delegations and activity, as RETENTION_DELEGATIONS,
--                                       RETENTION_ACTIVITY and `prune` do; default off: no role but the migrator may
--
-- There is no password here: set each with \password, or let the role authenticate by certificate.

\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
\if :{?migrator} \else \set migrator delegation_sweeper_migrator \endif
\if :{?sweeper} \else \set sweeper delegation_sweeper_sweeper \endif
\if :{?writer} \else \set writer delegation_sweeper_writer \endif
\if :{?reader} \else \set reader delegation_sweeper_reader \endif
\if :{?db_schema} \else \set db_schema public \endif
\if :{?pgboss_schema} \else \set pgboss_schema pgboss \endif
\if :{?name_lock_holders} \else \set name_lock_holders off \endif
\if :{?retention} \else \set retention off \endif

BEGIN;

-- Roles. Existing ones are corrected as well.
SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY[:'migrator', :'sweeper', :'writer', :'reader']) name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
SELECT format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', rolname)
FROM pg_roles
WHERE rolname IN (:'migrator', :'sweeper', :'writer', :'reader')
  AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)
\gexec
-- To grant rights on the migrator's tables, one must be a member of it or a superuser.
SELECT format('GRANT %I TO CURRENT_USER', :'migrator')
FROM pg_roles WHERE rolname = current_user AND NOT rolsuper AND NOT pg_has_role(current_user, :'migrator', 'USAGE')
\gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name)
FROM unnest(ARRAY[:'migrator', :'sweeper', :'writer', :'reader']) name
\gexec

-- Schemas. The migrator creates tables in them and needs no right on the database as a whole.
SELECT format('CREATE SCHEMA %I', name)
FROM unnest(ARRAY[:'db_schema', :'pgboss_schema']) name
WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = name)
\gexec
REVOKE ALL ON SCHEMA :"db_schema", :"pgboss_schema" FROM :"sweeper", :"writer", :"reader";
GRANT USAGE, CREATE ON SCHEMA :"db_schema", :"pgboss_schema" TO :"migrator";
GRANT USAGE ON SCHEMA :"db_schema" TO :"sweeper", :"writer", :"reader";
GRANT USAGE ON SCHEMA :"pgboss_schema" TO :"sweeper", :"reader";

-- The ledger.
SELECT to_regclass(format('%I.delegations', :'db_schema')) IS NOT NULL AS ledger_is_there \gset
\if :ledger_is_there
REVOKE ALL ON :"db_schema".delegations, :"db_schema".activity_logs, :"db_schema".a2a_tasks, :"db_schema".sweeper_state, :"db_schema".sweeper_gaps,
  :"db_schema".sweeper_sweeps, :"db_schema".sweeper_notices, :"db_schema".sweeper_threshold, :"db_schema".sweeper_lowerings,
  :"db_schema".sweeper_daemons, :"db_schema".sweeper_holds, :"db_schema".sweeper_advice, :"db_schema".sweeper_advice_state,
  :"db_schema".sweeper_retention, :"db_schema".delegation_sweeper_migrations
  FROM :"sweeper", :"writer", :"reader";

-- The activity stream is append-only for every role, but for what a retention removes, and none can choose an activity's id
-- or time.
GRANT SELECT, INSERT (delegation_id, event, from_status, to_status, actor, detail, request_body, response_body)
  ON :"db_schema".activity_logs TO :"sweeper", :"writer";

-- The sweeper changes statuses and records that. It deletes nothing of the ledger (but see retention below), and adds what tries a delegation again
-- that it marked stuck (RETRY_MAX_ATTEMPTS), by the function delegation_retry, and rows that were lost, as their activity has
-- them, by the function delegation_reconcile; this one also moves a deadline that a row lost. last_heartbeat:
-- its beat is written as a heartbeat is, and it sets stamps from the future back when the server's clock was set. Results,
-- waits and progress: what an agent answers that was asked (A2A_PROBE).
GRANT SELECT, UPDATE (status, last_heartbeat, deadline, finished_at, updated_at, error_detail, result_preview,
  revision, suspect_at, waiting_since, waiting_until, waiting_reason,
  progress, progress_at, stalled_from, lowered_at, lowered_from_ms),
  INSERT (delegation_id, caller_id, callee_id, task_preview, deadline, stuck_after_ms, stalled_after_ms, traceparent,
  retry_of, attempt, start_after, created_at, updated_at, revision,
  status, idempotency_key, last_heartbeat, finished_at, error_detail, result_preview,
  waiting_since, waiting_until, waiting_reason) ON :"db_schema".delegations TO :"sweeper";
GRANT SELECT, UPDATE ON :"db_schema".sweeper_state, :"db_schema".sweeper_threshold, :"db_schema".sweeper_retention TO :"sweeper";
GRANT SELECT, INSERT, UPDATE, DELETE
  ON :"db_schema".sweeper_gaps, :"db_schema".sweeper_sweeps, :"db_schema".sweeper_notices,
  :"db_schema".sweeper_lowerings, :"db_schema".sweeper_daemons, :"db_schema".sweeper_advice,
  :"db_schema".sweeper_holds -- operators run `hold` and `release` as this role
  TO :"sweeper";
GRANT SELECT, UPDATE (followed) ON :"db_schema".sweeper_advice_state TO :"sweeper";
GRANT SELECT ON :"db_schema".delegation_sweeper_migrations TO :"sweeper";
\if :retention
GRANT DELETE ON :"db_schema".delegations, :"db_schema".activity_logs TO :"sweeper";
\endif

-- Orchestrators and agents. Caller, callee, task and key of a delegation never change after the insert.
GRANT SELECT, INSERT,
  UPDATE (status, last_heartbeat, deadline, finished_at, updated_at, result_preview, error_detail,
    revision, suspect_at, stuck_after_ms, stalled_after_ms, lowered_from_ms, lowered_at,
    waiting_since, waiting_until, waiting_reason, progress, progress_at)
  ON :"db_schema".delegations TO :"writer";
-- Which A2A task a delegation is; the sweeper asks the agent for it.
GRANT SELECT, INSERT, UPDATE (context_id, user_name, store_state, claimed_until) ON :"db_schema".a2a_tasks TO :"writer";
GRANT SELECT ON :"db_schema".a2a_tasks TO :"sweeper";
-- The threshold in the answer to a heartbeat, and what it was lowered from; a library of 0.1.0 reads it from sweeper_state.
GRANT SELECT ON :"db_schema".sweeper_threshold, :"db_schema".sweeper_lowerings, :"db_schema".sweeper_state TO :"writer";

-- By what number the last activity got a daemon of many ledgers sees whether anything began. Without it each ledger is looked at.
GRANT SELECT ON SEQUENCE :"db_schema".activity_logs_activity_id_seq TO :"sweeper";

-- By default every role may call the ledger's functions. Where that was taken away, these must still be callable: late
-- results are published through them, with the migrator's rights. delegation_publish tells only what its own transaction wrote
-- into the activity, which needs INSERT there.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I, %I', p.oid::regprocedure, :'sweeper', :'writer')
FROM pg_proc p
WHERE p.pronamespace = to_regnamespace(format('%I', :'db_schema')) AND p.proname IN ('delegation_publish', 'delegation_is_subscribed')
\gexec
-- A daemon of many ledgers leaves their beats and records the sweeps of empty ones by these, with its own rights.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, :'sweeper')
FROM pg_proc p
WHERE p.pronamespace = to_regnamespace(format('%I', :'db_schema')) AND p.proname IN ('sweeper_beat', 'sweeper_sweep_empty')
\gexec

-- People and dashboards. The activity holds whole requests and responses: do not give this role to anyone who may not read them.
GRANT SELECT ON :"db_schema".delegations, :"db_schema".activity_logs, :"db_schema".a2a_tasks, :"db_schema".sweeper_state,
  :"db_schema".sweeper_gaps, :"db_schema".sweeper_sweeps, :"db_schema".sweeper_threshold, :"db_schema".sweeper_lowerings,
  :"db_schema".sweeper_daemons, :"db_schema".sweeper_holds, :"db_schema".sweeper_advice, :"db_schema".sweeper_advice_state,
  :"db_schema".sweeper_retention,
  :"db_schema".sweeper_notices, -- in which a dry run finds the poisoned rows
  :"db_schema".delegation_sweeper_migrations TO :"reader";
\endif

-- pg-boss: the daemon runs it with migrate and createSchema off, so it needs only rows; its functions may be called by
-- every role with USAGE of the schema, and run with the caller's rights.
SELECT to_regclass(format('%I.version', :'pgboss_schema')) IS NOT NULL AS pgboss_is_there \gset
\if :pgboss_is_there
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', c.oid::regclass, :'sweeper')
FROM pg_class c
WHERE c.relnamespace = to_regnamespace(format('%I', :'pgboss_schema')) AND c.relkind IN ('r', 'p')
  AND c.relname NOT IN ('version', 'bam')
\gexec
REVOKE ALL ON :"pgboss_schema".version, :"pgboss_schema".bam FROM :"sweeper", :"reader";
-- Its columns also record when each kind of upkeep was last done, which replicas share.
GRANT SELECT, UPDATE ON :"pgboss_schema".version TO :"sweeper";
GRANT SELECT ON :"pgboss_schema".version TO :"reader"; -- which a dry run asks
-- How many events wait for the webhook, which `status` shows; not what is in them.
GRANT SELECT (name, state, priority, blocked, created_on, completed_on) ON :"pgboss_schema".job TO :"reader";
-- Commands that the next `migrate up` runs as the migrator: a role that could write one would have the migrator's rights.
GRANT SELECT ON :"pgboss_schema".bam TO :"sweeper";
\endif

\if :name_lock_holders
GRANT pg_read_all_stats TO :"sweeper";
\else
SELECT format('REVOKE pg_read_all_stats FROM %I', :'sweeper') WHERE pg_has_role(:'sweeper', 'pg_read_all_stats', 'MEMBER')
\gexec
\endif

COMMIT;

\if :ledger_is_there
\echo 'delegation-sweeper: the roles have their rights.'
\else
\echo 'delegation-sweeper: the roles and schemas are there, the tables are not: run `migrate up`, then this file again.'
\endif
