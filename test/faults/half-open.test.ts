import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import pg from 'pg';
import { poolConfig } from '../../src/db/connection.ts';
import { openDatabase } from '../../src/db/database.ts';
import { isRetryable } from '../../src/db/sqlstate.ts';
import { Boss } from '../../src/jobs/boss.ts';
import { Availability } from '../../src/outage/availability.ts';
import { Schedule } from '../../src/sweeper/schedule/schedule.ts';
import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { markingBackends, slowMarks } from '../support/faults.ts';
import { testSweeper } from '../support/fixtures.ts';
import { addressOf, proxied } from '../support/proxied.ts';
import { countByStatus, notEndedOnce, seedFleet } from '../support/seed-fleet.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

async function openHalf(queryTimeoutMs: number) {
  const proxy = await TcpProxy.open(() => addressOf(database.url));
  const connection = {
    location: { url: proxied(database.url, proxy) },
    max: 2,
    applicationName: 'half-open',
    queryTimeoutMs,
  };
  return { proxy, connection };
}

/** The server still has the sessions whose packets were swallowed: it knows of no end. */
const endSessions = () =>
  database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'half-open'`);

test('a query on a half-open connection is given up after its timeout, and the pool drops the connection', async () => {
  const { proxy, connection } = await openHalf(500);
  await using _ = proxy;
  await using handle = openDatabase({ ...connection, max: 1, schema: 'public' });
  const ask = () => handle.db.selectFrom('delegations').select('delegation_id').execute();
  await ask();
  expect(handle.pool.totalCount).toBe(1);
  proxy.swallow();
  const err = await ask().catch((reason: unknown) => reason);
  expect(err).toMatchObject({ message: 'Query read timeout' });
  expect(isRetryable(err)).toBe(true);
  // The pool holds one connection: with the dead one kept, this would time out too.
  expect(await ask()).toEqual([]);
  expect(handle.pool.totalCount).toBe(1);
  await endSessions();
});

test("a query of pg-boss's pool, which uses callbacks, is given up and dropped in the same way", async () => {
  const { proxy, connection } = await openHalf(500);
  await using _ = proxy;
  const pool = new pg.Pool(poolConfig({ ...connection, max: 1 }));
  pool.on('error', () => undefined);
  try {
    await pool.query('SELECT 1');
    proxy.swallow();
    await expect(pool.query('SELECT 1')).rejects.toThrow('Query read timeout');
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  } finally {
    await pool.end();
    await endSessions();
  }
});

test('a connection that breaks during a query fails that query, and nothing else', async () => {
  const { proxy, connection } = await openHalf(60_000);
  await using _ = proxy;
  await using handle = openDatabase({ ...connection, schema: 'public' });
  const sleeping = sql`SELECT pg_sleep(60)`.execute(handle.db).catch((reason: unknown) => reason);
  await waitFor('the query to run', async () => (await markingBackends(database)).length > 0);
  // An error without a listener on a connection in use would end the process.
  proxy.cut();
  expect(isRetryable(await sleeping)).toBe(true);
  expect(handle.pool.totalCount).toBe(0);
  proxy.restore();
  expect(await handle.db.selectFrom('delegations').select('delegation_id').execute()).toEqual([]);
  await endSessions();
});

test('a connection that is never established is given up after its timeout', async () => {
  const { proxy, connection } = await openHalf(60_000);
  await using _ = proxy;
  await using handle = openDatabase({ ...connection, schema: 'public' });
  proxy.stall();
  const err = await handle.db
    .selectFrom('delegations')
    .select('delegation_id')
    .execute()
    .catch((reason: unknown) => reason);
  expect(isRetryable(err)).toBe(true);
  expect(handle.pool.totalCount).toBe(0);
  proxy.restore();
  expect(await handle.db.selectFrom('delegations').select('delegation_id').execute()).toEqual([]);
});

test('a sweep whose connections become half open during a batch is ended, tried again and finished by the same daemon, nothing twice', async () => {
  const ROWS = 200;
  await seedFleet(database, { rows: ROWS, silentSeconds: 700 });
  const { undo } = await slowMarks(database, 20);
  const { proxy, connection } = await openHalf(2_000);
  await using _ = proxy;
  await using handle = openDatabase({ ...connection, max: 4, schema: 'public' });
  const { sweeper, log, events } = testSweeper(handle.db, { batchRowsMax: 10 });
  const boss = new Boss(log, new Availability(log), { connection, pgbossSchema: 'pgboss', stopWithinMs: 5_000 });
  const schedule = new Schedule(boss, sweeper, log, new Availability(log), {
    dbSchema: 'public',
    db: handle.db,
    pgbossSchema: 'pgboss',
    cron: '0 0 1 1 *',
    timezone: 'UTC',
  });
  try {
    await boss.start();
    await schedule.start();
    await waitFor('a batch in flight', async () => (await markingBackends(database)).length > 0);
    proxy.swallow();
    await waitFor('the sweep to be freed', () => events('sweep.failed').length > 0);
    expect(events('sweep.failed')[0]).toMatchObject({ retryable: true, err: { message: 'Query read timeout' } });
    await undo();
    await waitFor('the rest to be swept', async () => (await countByStatus(database)).stuck === ROWS, {
      timeoutMs: 60_000,
    });
    expect(await notEndedOnce(database)).toEqual([]);
  } finally {
    await schedule.stop();
    await boss.stop();
    await endSessions();
  }
});
