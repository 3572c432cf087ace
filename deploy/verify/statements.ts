/** What each role may not do: each must end in SQLSTATE 42501, insufficient privilege. `{l}` and `{b}` are the schemas. */
export const refusedStatements = {
  migrator: [
    'CREATE SCHEMA elsewhere',
    'CREATE ROLE another',
    'SELECT * FROM pg_authid',
    `COPY (SELECT 1) TO PROGRAM 'true'`,
    'SET session_replication_role = replica',
  ],
  sweeper: [
    'DELETE FROM {l}.delegations',
    'TRUNCATE {l}.delegations',
    `UPDATE {l}.delegations SET task_preview = ''`,
    `UPDATE {l}.activity_logs SET actor = 'nobody'`,
    'DELETE FROM {l}.activity_logs',
    `INSERT INTO {l}.activity_logs (activity_id, delegation_id, event, to_status, actor) OVERRIDING SYSTEM VALUE
       VALUES (1, 'x', 'delegation.stuck', 'stuck', 'a')`,
    `INSERT INTO {l}.activity_logs (created_at, delegation_id, event, to_status, actor)
       VALUES ('2000-01-01', 'x', 'delegation.stuck', 'stuck', 'a')`,
    'UPDATE {l}.a2a_tasks SET claimed_until = now()',
    'DELETE FROM {l}.sweeper_state',
    'INSERT INTO {l}.sweeper_state DEFAULT VALUES',
    'DELETE FROM {l}.delegation_sweeper_migrations',
    'ALTER TABLE {l}.delegations DISABLE TRIGGER ALL',
    'DROP TABLE {l}.sweeper_gaps',
    'CREATE TABLE {l}.mine ()',
    'CREATE TABLE {b}.mine ()',
    'CREATE SCHEMA elsewhere',
    // The next `migrate up` runs what is there as the migrator.
    `INSERT INTO {b}.bam (name, version, status, table_name, command) VALUES ('x', 1, 'pending', 'job', 'SELECT 1')`,
    `UPDATE {b}.bam SET command = 'SELECT 1'`,
    'DELETE FROM {b}.version',
    'SET session_replication_role = replica',
  ],
  writer: [
    'DELETE FROM {l}.delegations',
    'TRUNCATE {l}.delegations',
    `UPDATE {l}.delegations SET caller_id = 'somebody else'`,
    `UPDATE {l}.delegations SET task_preview = ''`,
    'UPDATE {l}.delegations SET idempotency_key = NULL',
    'UPDATE {l}.delegations SET created_at = now()',
    `UPDATE {l}.activity_logs SET actor = 'nobody'`,
    'DELETE FROM {l}.activity_logs',
    `INSERT INTO {l}.activity_logs (created_at, delegation_id, event, to_status, actor)
       VALUES ('2000-01-01', 'x', 'delegation.stuck', 'stuck', 'a')`,
    `UPDATE {l}.a2a_tasks SET task_id = 'another'`,
    'DELETE FROM {l}.a2a_tasks',
    'UPDATE {l}.sweeper_state SET stuck_after_ms = 1',
    `INSERT INTO {l}.sweeper_holds (held_since, held_until, reason, made_by) VALUES (now(), now() + interval '1 hour', 'x', 'y')`,
    'SELECT * FROM {l}.sweeper_sweeps',
    'INSERT INTO {l}.sweeper_gaps VALUES (now(), now())',
    'ALTER TABLE {l}.delegations DISABLE TRIGGER ALL',
    'CREATE TABLE {l}.mine ()',
    'SELECT * FROM {b}.job',
    'SET session_replication_role = replica',
  ],
  reader: [
    `INSERT INTO {l}.delegations (delegation_id, caller_id, callee_id, task_preview) VALUES ('x', 'a', 'b', 't')`,
    `UPDATE {l}.delegations SET error_detail = 'x'`,
    'SELECT FROM {l}.delegations FOR UPDATE',
    'DELETE FROM {l}.delegations',
    `INSERT INTO {l}.activity_logs (delegation_id, event, to_status, actor) VALUES ('x', 'delegation.stuck', 'stuck', 'a')`,
    'UPDATE {l}.sweeper_state SET sweep_id = NULL',
    `UPDATE {l}.sweeper_holds SET held_until = now() + interval '1 hour'`,
    'DELETE FROM {l}.sweeper_notices',
    'SELECT * FROM {b}.job',
    'UPDATE {b}.version SET version = 0',
    'CREATE TABLE {l}.mine ()',
  ],
  stranger: [
    'SELECT * FROM {l}.delegations',
    'SELECT * FROM {l}.activity_logs',
    'SELECT * FROM {l}.sweeper_state',
    'SELECT * FROM {b}.job',
  ],
} as const satisfies Record<string, readonly string[]>;

/** Plain SQL that each role may run, in addition to what the programs do. */
export const permittedStatements = {
  migrator: [
    'CREATE TABLE {l}.mine (id int)',
    'CREATE TABLE {b}.mine (id int)',
    'ALTER TABLE {l}.delegations ADD note text',
  ],
  sweeper: [
    // A reconcile makes lost rows again, as they were.
    `INSERT INTO {l}.delegations (delegation_id, caller_id, callee_id, task_preview, idempotency_key, status)
       VALUES ('lost', 'a', 'b', 't', 'k', 'completed')`,
    `UPDATE {l}.delegations SET last_heartbeat = clock_timestamp() WHERE delegation_id = ''`,
    'SELECT * FROM {b}.bam',
    `SELECT {b}.create_queue('another', '{"policy":"standard"}')`,
  ],
  writer: [
    `INSERT INTO {l}.delegations (delegation_id, caller_id, callee_id, task_preview) VALUES ('x', 'a', 'b', 't')`,
    `UPDATE {l}.delegations SET deadline = deadline + interval '1 hour'`,
    'SELECT stuck_after_ms FROM {l}.sweeper_state',
  ],
  reader: [
    'SELECT status, count(*) FROM {l}.delegations GROUP BY status',
    'SELECT * FROM {l}.activity_logs',
    'SELECT * FROM {l}.sweeper_sweeps',
    // A dry run leaves out the rows that are known to raise.
    'SELECT * FROM {l}.sweeper_notices',
    'SELECT * FROM {l}.sweeper_holds',
  ],
} as const satisfies Record<string, readonly string[]>;
