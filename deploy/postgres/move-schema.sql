-- Moves a ledger to another schema of the same database, for example out of `public`, which an application shares with it.
--
--   psql "$ADMIN_URL" -v from=public -v to=agents -f deploy/postgres/move-schema.sql
--
-- All in one transaction of some milliseconds: the ledger's tables, with their indexes, sequences, triggers, rights and
-- settings, and its functions. Nothing is copied, and no other object of the schema is touched. It waits for transactions under way,
-- for a second at a time, so that no agent waits for it longer than that.
--
-- Run it as a superuser or as the tables' owner, with the daemons stopped. docs/scaling.md has what goes before and after.
-- The way back is the same with the names exchanged.

\set ON_ERROR_STOP on
\set QUIET on
\if :{?from} \else \echo 'Name the schema where the ledger is: -v from=public' \quit \endif
\if :{?to} \else \echo 'Name the schema where it shall be: -v to=agents' \quit \endif
SET client_min_messages = warning;

BEGIN;
SELECT set_config('ledger.from', :'from', true), set_config('ledger.to', :'to', true) \gset moved_

DO $$
DECLARE
  source text := current_setting('ledger.from');
  target text := current_setting('ledger.to');
  tables CONSTANT text[] := '{delegations,activity_logs,a2a_tasks,sweeper_state,sweeper_gaps,sweeper_threshold,
    sweeper_lowerings,sweeper_daemons,sweeper_sweeps,sweeper_holds,sweeper_notices,sweeper_advice,sweeper_advice_state,
    sweeper_retention,delegation_sweeper_migrations,delegation_sweeper_migrations_lock}';
  trigger_functions CONSTANT text[] := '{delegations_guard,delegations_symmetry,delegations_start_after}';
  attempts_max CONSTANT integer := 80;
  moved record;
BEGIN
  IF to_regclass(format('%I.delegations', source)) IS NULL THEN
    RAISE EXCEPTION 'there is no ledger in the schema %: name the one where the table delegations is, with -v from=...', source;
  END IF;
  IF EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(target)) AND relname = ANY (tables)) THEN
    RAISE EXCEPTION 'the schema % has tables with the names of a ledger''s: choose another one, with -v to=...', target;
  END IF;
  IF to_regnamespace(quote_ident(target)) IS NULL THEN
    EXECUTE format('CREATE SCHEMA %I', target);
  END IF;

  -- In the order in which agents lock them. A quarter of a second for each of the four: then it lets those go on who wait behind it.
  PERFORM set_config('lock_timeout', '250ms', true);
  FOR attempt IN 1..attempts_max LOOP
    BEGIN
      EXECUTE format('LOCK TABLE %1$I.delegations, %1$I.activity_logs, %1$I.a2a_tasks, %1$I.sweeper_state IN ACCESS EXCLUSIVE MODE', source);
      EXIT;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF attempt = attempts_max THEN
        RAISE EXCEPTION 'a transaction holds the ledger''s tables for longer than a minute: end it (pg_stat_activity names it), and run this again';
      END IF;
      PERFORM pg_sleep(0.5);
    END;
  END LOOP;
  PERFORM set_config('lock_timeout', '1s', true);

  FOR moved IN
    SELECT p.oid::regprocedure::text AS name FROM pg_proc p
    WHERE p.pronamespace = to_regnamespace(quote_ident(source))
      AND (p.proname = ANY (trigger_functions) OR obj_description(p.oid, 'pg_proc') LIKE 'delegation-sweeper %')
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET SCHEMA %I', moved.name, target);
  END LOOP;
  FOR moved IN
    SELECT c.oid::regclass::text AS name FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(quote_ident(source)) AND c.relkind = 'r' AND c.relname = ANY (tables)
  LOOP
    EXECUTE format('ALTER TABLE %s SET SCHEMA %I', moved.name, target);
  END LOOP;
END $$;

COMMIT;
\echo 'delegation-sweeper: the ledger of the schema' :from 'is now in the schema' :to
