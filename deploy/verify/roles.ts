import { fileURLToPath } from 'node:url';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { DelegationLedger } from '../../src/index.ts';
import { createLogger } from '../../src/log/logger.ts';
import { sweepQueue } from '../../src/sweeper/schedule/queue-name.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { Background, run } from './command.ts';
import { pathOf } from './packages.ts';
import type { PostgresServer } from './postgres-server.ts';
import { assert, type Report } from './report.ts';
import { permittedStatements, refusedStatements } from './statements.ts';

export const ROLES_SQL = fileURLToPath(new URL('../postgres/roles.sql', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export type RoleName = 'migrator' | 'sweeper' | 'writer' | 'reader';

/** A database that roles.sql has set up, and the names that it was given. */
export interface RoledDatabase {
  readonly database: string;
  readonly ledgerSchema: string;
  readonly pgbossSchema: string;
  readonly roles: Readonly<Record<RoleName, string>>;
  /** The role that runs roles.sql. */
  readonly admin: string;
}

export const defaults: Omit<RoledDatabase, 'database'> = {
  ledgerSchema: 'public',
  pgbossSchema: 'pgboss',
  roles: {
    migrator: 'delegation_sweeper_migrator',
    sweeper: 'delegation_sweeper_sweeper',
    writer: 'delegation_sweeper_writer',
    reader: 'delegation_sweeper_reader',
  },
  admin: 'admin',
};

/** Runs roles.sql with the names that differ from its defaults. */
export async function applyRoles(server: PostgresServer, on: RoledDatabase): Promise<string> {
  const variables = [
    ...(Object.keys(on.roles) as RoleName[])
      .filter((role) => on.roles[role] !== defaults.roles[role])
      .map((role) => `${role}=${on.roles[role]}`),
    ...(on.ledgerSchema === defaults.ledgerSchema ? [] : [`db_schema=${on.ledgerSchema}`]),
    ...(on.pgbossSchema === defaults.pgbossSchema ? [] : [`pgboss_schema=${on.pgbossSchema}`]),
  ];
  const url = server.socketUrl({ user: on.admin, database: on.database });
  return run(await pathOf('psql'), ['-X', url, ...variables.flatMap((variable) => ['-v', variable]), '-f', ROLES_SQL]);
}

/** A command of the checkout, as one of the roles. Returns its standard output. */
export async function commandAs(server: PostgresServer, on: RoledDatabase, role: RoleName, ...args: string[]) {
  return run(process.execPath, [MAIN, ...args], { env: environment(server, on, role) });
}

function environment(server: PostgresServer, on: RoledDatabase, role: RoleName): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    DATABASE_URL: server.socketUrl({ user: on.roles[role], database: on.database }),
    DB_SCHEMA: on.ledgerSchema,
    PGBOSS_SCHEMA: on.pgbossSchema,
    OPS_PORT: '0',
  };
}

/** Roles, tables, rights, in the order of an operator's steps. */
export async function setUp(server: PostgresServer, on: RoledDatabase): Promise<void> {
  await applyRoles(server, on);
  await commandAs(server, on, 'migrator', 'migrate', 'up');
  await applyRoles(server, on);
}

/** Every right on the database's schemas, tables and columns, as text. */
async function rights(server: PostgresServer, on: RoledDatabase): Promise<string> {
  const rows = await server.query(
    `SELECT 'schema' AS kind, nspname AS name, nspacl::text AS acl FROM pg_namespace WHERE nspname = ANY($1)
     UNION ALL SELECT 'table', c.oid::regclass::text, c.relacl::text FROM pg_class c WHERE c.relnamespace::regnamespace::text = ANY($1)
     UNION ALL SELECT 'column', a.attrelid::regclass || '.' || a.attname, a.attacl::text FROM pg_attribute a
       JOIN pg_class c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL AND c.relnamespace::regnamespace::text = ANY($1)
     UNION ALL SELECT 'role', rolname, (r.*)::text FROM pg_roles r
     ORDER BY 1, 2`,
    [[on.ledgerSchema, on.pgbossSchema]],
    on.database,
  );
  return JSON.stringify(rows);
}

/** Part 4: each role can do its work, and nothing else. */
export async function verifyRoles(
  report: Report,
  server: PostgresServer,
  on: RoledDatabase,
  label: string,
): Promise<void> {
  const part = `roles (${label})`;
  const check = <T>(name: string, work: () => Promise<T>) => report.check(part, name, work);
  const ready = await check('roles.sql, migrate up as the migrator, roles.sql again', async () => {
    await setUp(server, on);
    return true;
  });
  if (!ready) return;
  await check('running roles.sql once more changes nothing', async () => {
    const before = await rights(server, on);
    await applyRoles(server, on);
    assert((await rights(server, on)) === before, 'the rights differ');
  });
  await check('the migrator finds nothing left to do', async () => {
    const out = await commandAs(server, on, 'migrator', 'migrate', 'status');
    assert(!/Run `/.test(out), out);
  });
  await check('the writer works through the whole ledger library', () => writerWorks(server, on));
  await check('the sweeper runs the daemon: corrects a wrong queue, sweeps, upkeep', () => daemonWorks(server, on));
  await check('the sweeper holds and releases', async () => {
    await commandAs(server, on, 'sweeper', 'hold', '--for', '1m', '--reason', 'verify');
    await commandAs(server, on, 'sweeper', 'release');
  });
  await check('the reader reads rows and history, and can ask what a sweep would do', () => readerWorks(server, on));
  await server.query('DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object THEN END $$');
  for (const role of Object.keys(refusedStatements) as (keyof typeof refusedStatements)[]) {
    const user = role === 'stranger' ? role : on.roles[role];
    for (const statement of refusedStatements[role]) {
      await check(`refused to the ${role}: ${brief(statement)}`, async () => {
        const code = await outcome(server, on, user, statement);
        assert(code === '42501', code === null ? 'it was permitted' : `SQLSTATE ${code}`);
      });
    }
  }
  for (const role of Object.keys(permittedStatements) as (keyof typeof permittedStatements)[]) {
    for (const statement of permittedStatements[role]) {
      await check(`permitted to the ${role}: ${brief(statement)}`, async () => {
        const code = await outcome(server, on, on.roles[role], statement);
        assert(code === null, `SQLSTATE ${code}`);
      });
    }
  }
  await check('the writer cannot take a status back either', async () => {
    const code = await outcome(
      server,
      on,
      on.roles.writer,
      `UPDATE {l}.delegations SET status = 'queued', finished_at = NULL WHERE status = 'completed'`,
    );
    assert(code === '23514', `SQLSTATE ${code}`);
  });
}

function brief(statement: string): string {
  return statement.replace(/\s+/g, ' ').slice(0, 90);
}

/** The statement's SQLSTATE, null when it succeeded. It is rolled back. */
async function outcome(server: PostgresServer, on: RoledDatabase, user: string, statement: string) {
  const sql = statement.replaceAll('{l}', `"${on.ledgerSchema}"`).replaceAll('{b}', `"${on.pgbossSchema}"`);
  return server.session(
    async (client) => {
      await client.query('BEGIN');
      try {
        await client.query(sql);
        return null;
      } catch (err) {
        return (err as { code?: string }).code ?? 'none';
      } finally {
        await client.query('ROLLBACK');
      }
    },
    { user, database: on.database },
  );
}

/** The ledger as a role sees it. */
async function withLedger<T>(
  server: PostgresServer,
  on: RoledDatabase,
  role: RoleName,
  work: (ledger: DelegationLedger) => Promise<T>,
) {
  const connectionString = server.socketUrl({ user: on.roles[role], database: on.database });
  const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 2 }) }) });
  try {
    return await work(new DelegationLedger(db.withSchema(on.ledgerSchema), { logger: quiet }));
  } finally {
    await db.destroy();
  }
}

const quiet = createLogger({ level: 'silent', destination: 'stderr' });
const asked = { callerId: 'planner', calleeId: 'coder', taskPreview: 'task' };

async function writerWorks(server: PostgresServer, on: RoledDatabase): Promise<void> {
  await withLedger(server, on, 'writer', async (ledger) => {
    const outcomes: unknown[] = [];
    const note = (result: { outcome: string }) => outcomes.push(result.outcome);
    note(await ledger.insert({ ...asked, delegationId: 'w1', idempotencyKey: 'k' }));
    note(await ledger.insert({ ...asked, delegationId: 'w2', idempotencyKey: 'k' }));
    note(await ledger.insert({ ...asked, delegationId: 'w3', requestBody: { a: 1 } }));
    note(await ledger.setStatus('w1', 'in_progress'));
    note((await ledger.heartbeatMany(['w1']))[0]!);
    note(await ledger.heartbeat('w1'));
    note(await ledger.setStatus('w1', 'completed', { resultPreview: 'done', responseBody: { b: 2 } }));
    note(await ledger.setStatus('w3', 'failed', { errorDetail: 'no' }));
    note(await ledger.setStatus('w3', 'completed', { resultPreview: 'late' }));
    note(await ledger.setStatus('w9', 'completed'));
    const expected = 'inserted duplicate inserted changed fresh fresh changed changed refused missing';
    assert(outcomes.join(' ') === expected, `got ${outcomes.join(' ')}`);
    assert((await ledger.history('w3')).length === 3, 'the late result was not recorded');
  });
}

const UPKEEP_MS = 25_000;

/** Long enough for all of pg-boss's periodic work: supervision and monitoring every ten seconds, cron, heartbeats. */
async function daemonWorks(server: PostgresServer, on: RoledDatabase): Promise<void> {
  await server.query(
    `SELECT "${on.pgbossSchema}".create_queue('${sweepQueue(on.ledgerSchema)}', '{"policy":"standard"}')`,
    [],
    on.database,
  );
  await withLedger(server, on, 'writer', async (ledger) => {
    await ledger.insert({ ...asked, delegationId: 's1' });
    await ledger.insert({ ...asked, delegationId: 's2', deadlineMs: 1 });
    await ledger.setStatus('s1', 'in_progress');
  });
  const table = `"${on.ledgerSchema}".delegations`;
  await server.query(
    `UPDATE ${table} SET last_heartbeat = now() - interval '1 hour' WHERE delegation_id = 's1'`,
    [],
    on.database,
  );
  await using daemon = new Background(process.execPath, [MAIN, 'start'], { env: environment(server, on, 'sweeper') });
  const events = () =>
    daemon.lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as { event: string }] : []));
  await waitFor('the first sweep', () => daemon.ended || events().some(({ event }) => event === 'sweep.completed'));
  await new Promise((resolve) => setTimeout(resolve, UPKEEP_MS));
  daemon.signal('SIGTERM');
  const code = await daemon.exit;
  const bad = events().filter(({ event }) => /failed|error|unavailable|poisoned|outdated/.test(event));
  assert(bad.length === 0, JSON.stringify(bad.slice(0, 3)));
  assert(code === 0, `exit ${code}: ${daemon.lines.slice(-3).join('\n')}`);
  const rows = await server.query<{ status: string }>(
    `SELECT status FROM ${table} WHERE delegation_id IN ('s1', 's2') ORDER BY 1`,
    [],
    on.database,
  );
  assert(rows.map(({ status }) => status).join() === 'failed,stuck', JSON.stringify(rows));
}

async function readerWorks(server: PostgresServer, on: RoledDatabase): Promise<void> {
  await withLedger(server, on, 'reader', async (ledger) => {
    assert((await ledger.get('w1'))?.status === 'completed', 'no row');
    assert((await ledger.history('s1')).length === 3, 'no history');
  });
  const summary = JSON.parse(await commandAs(server, on, 'reader', 'sweep', '--dry-run', '--json'));
  assert(summary.dryRun === true, JSON.stringify(summary));
}
