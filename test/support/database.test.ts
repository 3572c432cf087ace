import { describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { seedDelegation } from './fixtures.ts';
import { testServer } from './server.ts';
import { waitUntilBlocked } from './wait-for.ts';

test('databases made at once are separate, migrated, and removed at the end', async () => {
  const databases = await Promise.all(
    Array.from({ length: 8 }, () => createTestDatabase(testServer(), { fresh: true })),
  );
  expect(new Set(databases.map(({ name }) => name)).size).toBe(8);
  for (const database of databases) {
    expect(await database.query('SELECT count(*)::int AS n FROM delegations')).toEqual([{ n: 0 }]);
  }
  const [last, ...rest] = databases.reverse();
  await Promise.all(rest.map((database) => database[Symbol.asyncDispose]()));
  expect(
    await last?.query(`SELECT datname FROM pg_database WHERE datname = ANY($1)`, [databases.map((d) => d.name)]),
  ).toEqual([{ datname: last?.name }]);
  await last?.[Symbol.asyncDispose]();
});

describe('a database of which a test', () => {
  /** What is in it, and the next number of a sequence. */
  const contents = async ({ query }: TestDatabase) => [
    await query(`SELECT (SELECT json_agg(t) FROM sweeper_state t) AS state, (SELECT json_agg(t) FROM sweeper_threshold t) AS threshold,
      (SELECT json_agg(t) FROM delegation_sweeper_migrations t) AS migrations, (SELECT json_agg(t) FROM pgboss.version t) AS pgboss,
      (SELECT count(*)::int FROM delegations) AS delegations, (SELECT count(*)::int FROM activity_logs) AS activity`),
    await query(
      `INSERT INTO activity_logs (delegation_id, event, actor) VALUES ('d', 'delegation.orphan_update', 'test') RETURNING activity_id::int`,
    ),
  ];

  test('has changed rows alone is used again, as it was', async () => {
    const untouched = await createTestDatabase(testServer(), { fresh: true });
    const original = await contents(untouched);
    await untouched[Symbol.asyncDispose]();
    const first = await createTestDatabase();
    const { name } = first;
    await seedDelegation(first);
    await first.query(`UPDATE sweeper_state SET beat_at = now(); DELETE FROM delegation_sweeper_migrations`);
    await first.query('UPDATE pgboss.version SET cron_on = now()');
    await first[Symbol.asyncDispose]();
    await using second = await createTestDatabase();
    expect(second.name).toBe(name);
    expect(await contents(second)).toEqual(original);
  });

  test('has set something in a session keeps the session, and nothing of that', async () => {
    const SESSION = `SELECT pg_backend_pid() AS pid, current_setting('work_mem') AS memory, current_user AS role,
      (SELECT count(*)::int FROM pg_listening_channels()) AS channels,
      (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`;
    const first = await createTestDatabase();
    const [before] = await first.query(SESSION);
    await first.query(`SET work_mem = '64kB'; SELECT pg_advisory_lock(1); LISTEN here; SET ROLE pg_monitor`);
    expect(await first.query(SESSION)).toMatchObject([{ memory: '64kB', role: 'pg_monitor', channels: 1, locks: 1 }]);
    await first[Symbol.asyncDispose]();
    await using second = await createTestDatabase();
    expect(second.name).toBe(first.name);
    // It may have others from tests before, which are all in use by so many at once.
    const sessions = await Promise.all(Array.from({ length: 8 }, () => second.query(SESSION)));
    expect(sessions.flat()).toContainEqual(before);
    // Nor does what the test has left running use it.
    await expect(first.query('SELECT 1')).rejects.toThrow('disposed of');
    await expect(first.db.selectFrom('delegations').selectAll().execute()).rejects.toThrow('disposed of');
    await first[Symbol.asyncDispose]();
    await using third = await createTestDatabase();
    expect(third.name).not.toBe(second.name);
  });

  test.each([
    ['has changed the schema', 'CREATE TABLE other ()'],
    [
      'has replaced a function',
      `DO $$ BEGIN EXECUTE (SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' LIMIT 1); END $$`,
    ],
    ['has emptied a table', 'TRUNCATE delegations CASCADE'],
    ['has collected statistics', 'ANALYZE delegations'],
    [
      'has vacuumed',
      `INSERT INTO activity_logs (delegation_id, event, actor) VALUES ('d', 'delegation.orphan_update', 'test')`,
      'VACUUM activity_logs',
    ],
    [
      'has changed settings',
      'DO $$ BEGIN EXECUTE format($f$ALTER DATABASE %I SET work_mem = 64$f$, current_database()); END $$',
    ],
    [
      'has changed privileges',
      'DO $$ BEGIN EXECUTE format($f$REVOKE ALL ON DATABASE %I FROM PUBLIC$f$, current_database()); END $$',
    ],
    [
      'has made large',
      `INSERT INTO activity_logs (delegation_id, event, actor) SELECT 'd' || i, 'delegation.orphan_update', 'test' FROM generate_series(1, 20000) i`,
    ],
  ])('%s is not', async (_what, ...statements) => {
    const database = await createTestDatabase();
    const { name } = database;
    for (const statement of statements) await database.query(statement);
    await database[Symbol.asyncDispose]();
    await using next = await createTestDatabase();
    expect(next.name).not.toBe(name);
    expect(await next.query('SELECT FROM pg_database WHERE datname = $1', [name])).toEqual([]);
  });
});

test('a session that the test left open fails the disposal, and the database is still dropped', async () => {
  const database = await createTestDatabase();
  await using other = await createTestDatabase();
  const leaked = new pg.Client({ connectionString: database.url, application_name: 'leaky' });
  leaked.on('error', () => undefined);
  await leaked.connect();
  await expect(database[Symbol.asyncDispose]()).rejects.toThrow('leaky');
  expect(await other.query('SELECT 1 FROM pg_database WHERE datname = $1', [database.name])).toEqual([]);
});

test('a pooled connection that is never released fails the disposal instead of hanging it', async () => {
  const database = await createTestDatabase();
  await database.db.startTransaction().execute();
  await expect(database[Symbol.asyncDispose]()).rejects.toThrow(database.name);
});

test('a blocked backend is detected', async () => {
  await using database = await createTestDatabase();
  const [holder, waiter] = [await database.connect(), await database.connect()];
  const { rows } = await waiter.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await holder.query('BEGIN; LOCK TABLE delegations');
  const waiting = waiter.query('SELECT FROM delegations');
  await waitUntilBlocked(database, rows[0]!.pid);
  await holder.query('COMMIT');
  await waiting;
});
