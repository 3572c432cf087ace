import { expect, test } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from './database.ts';
import { waitUntilBlocked } from './wait-for.ts';

test('databases made at once are separate, migrated, and removed at the end', async () => {
  const databases = await Promise.all(Array.from({ length: 8 }, () => createTestDatabase()));
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
