import { type Damage, migrateUp, sql } from './damage.ts';

export const schemaDamages: readonly Damage[] = [
  {
    check: 'schema',
    title: 'a migration is pending',
    make: sql(
      `DELETE FROM delegation_sweeper_migrations WHERE name = (SELECT max(name) FROM delegation_sweeper_migrations)`,
    ),
    what: /schema is older than this program/,
    fault: 'pending',
  },
  {
    check: 'schema',
    title: 'the ledger is newer',
    make: sql(`INSERT INTO delegation_sweeper_migrations (name, timestamp) VALUES ('9999_later', '')`),
    what: /schema is newer/,
    fault: 'newer',
  },
  {
    check: 'schema',
    title: 'there is no ledger',
    make: sql('DROP TABLE delegation_sweeper_migrations'),
    what: /no ledger in the schema public/,
    fault: 'missing',
  },
  {
    check: 'functions',
    title: 'a function is missing',
    make: sql('DROP FUNCTION delegation_heartbeat_many'),
    what: /delegation_heartbeat_many\(.*\) is missing/,
    fault: 'missing',
    mend: migrateUp,
  },
  {
    check: 'functions',
    title: 'the text of a function was edited',
    async make(database) {
      const [row] = await database.query<{ text: string }>(
        `SELECT pg_get_functiondef('delegation_set_status'::regproc) AS text`,
      );
      await database.query(row!.text.replace('<<own>>', '<<own>> -- mine'));
    },
    what: /delegation_set_status\(.*\) was edited by hand/,
    fault: 'edited',
    mend: migrateUp,
  },
  {
    check: 'functions',
    title: 'a setting of a function was changed',
    async make(database) {
      const [row] = await database.query<{ text: string }>(
        `SELECT 'delegation_resume'::regproc::regprocedure::text AS text`,
      );
      await database.query(`ALTER FUNCTION ${row!.text} SET enable_seqscan = on`);
    },
    what: /delegation_resume\(.*\) was edited by hand/,
    fault: 'edited',
    mend: migrateUp,
  },
  {
    check: 'functions',
    title: "a function is another release's",
    async make(database) {
      const [row] = await database.query<{ text: string; signature: string }>(
        `SELECT pg_get_functiondef(p) AS text, p::regprocedure AS signature FROM (SELECT 'delegation_wait'::regproc AS p) f`,
      );
      await database.query(row!.text.replace('<<own>>', '<<own>> -- of before'));
      await database.query(`COMMENT ON FUNCTION ${row!.signature} IS 'delegation-sweeper 0000'`);
    },
    what: /delegation_wait\(.*\) is not this release's/,
    fault: 'outdated',
    mend: migrateUp,
  },
  {
    check: 'objects',
    title: 'a trigger was dropped',
    make: sql('DROP TRIGGER delegations_guard_stamp ON delegations'),
    what: /trigger delegations\.delegations_guard_stamp is missing/,
    fault: 'missing',
  },
  {
    check: 'objects',
    title: 'a trigger is disabled',
    make: sql('ALTER TABLE delegations DISABLE TRIGGER delegations_guard_update'),
    what: /trigger delegations\.delegations_guard_update is disabled/,
    fault: 'disabled',
    mend: 'remedy',
  },
  {
    check: 'objects',
    title: "a trigger's function was replaced",
    make: sql(
      `CREATE OR REPLACE FUNCTION delegations_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
    ),
    what: /trigger function delegations_guard is not as the migrations make it/,
    fault: 'changed',
  },
  {
    check: 'objects',
    title: 'an index was dropped',
    make: sql('DROP INDEX delegations_deadline'),
    what: /index delegations\.delegations_deadline is missing/,
    fault: 'missing',
  },
  {
    check: 'objects',
    title: 'an index that is built online was dropped',
    make: sql('DROP INDEX delegations_suspect'),
    what: /index delegations\.delegations_suspect is missing/,
    fault: 'missing',
    mend: migrateUp,
  },
  {
    check: 'objects',
    title: 'an index is invalid',
    make: sql(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'delegations_suspect'::regclass`),
    what: /index delegations\.delegations_suspect is invalid/,
    fault: 'invalid',
    mend: migrateUp,
  },
  {
    check: 'objects',
    title: 'a constraint is not validated',
    make: sql(`UPDATE pg_constraint SET convalidated = false WHERE conname = 'delegations_instants_sound'`),
    what: /constraint delegations\.delegations_instants_sound is not validated/,
    fault: 'not_validated',
    mend: migrateUp,
  },
  {
    check: 'table-settings',
    title: 'fillfactor was reset',
    make: sql('ALTER TABLE delegations RESET (fillfactor)'),
    what: /Settings of delegations were reset/,
    fault: 'reset',
    mend: 'remedy',
  },
  {
    check: 'table-settings',
    title: 'fillfactor has another value',
    make: sql('ALTER TABLE delegations SET (fillfactor = 100)'),
    what: /Settings of delegations were changed/,
    fault: 'changed',
    mend: 'remedy',
  },
  {
    check: 'pgboss',
    title: "pg-boss's schema is missing",
    make: sql('DROP SCHEMA pgboss CASCADE'),
    what: /pg-boss's schema is not installed/,
    fault: 'missing',
    mend: migrateUp,
  },
  {
    check: 'pgboss',
    title: "pg-boss's schema is older",
    make: sql('UPDATE pgboss.version SET version = version - 1'),
    what: /pg-boss's schema is too old/,
    fault: 'outdated',
  },
  {
    check: 'pgboss',
    title: "pg-boss's schema is newer",
    make: sql('UPDATE pgboss.version SET version = version + 1'),
    what: /pg-boss's schema is newer/,
    fault: 'newer',
  },
  {
    check: 'pgboss',
    title: 'the queue has another policy',
    make: sql(`SELECT pgboss.create_queue('delegation-sweep', '{"policy":"standard"}')`),
    what: /queue of sweeps has the wrong policy/,
    fault: 'policy',
  },
];
