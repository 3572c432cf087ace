import { describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createLedgerPool, InvalidArgumentError, type LedgerPoolOptions, openLedger } from '../../src/index.ts';
import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { capturedLog, seedDelegation } from '../support/fixtures.ts';
import { startPasswordServer } from '../support/password-server.ts';
import { addressOf, proxied } from '../support/proxied.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const quiet = () => ({ logger: capturedLog().logger });

async function withPool<T>(options: LedgerPoolOptions, work: (pool: pg.Pool) => Promise<T>, url = database.url) {
  const pool = createLedgerPool(url, { applicationName: 'under-test', ...options });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

async function sessions(state?: string): Promise<number> {
  const rows = await database.query(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'under-test'
       AND ($1::text IS NULL OR state = $1)`,
    [state ?? null],
  );
  return rows.length;
}

const noSessions = () => waitFor('all sessions to end', async () => (await sessions()) === 0);

describe('statements that a client gave up', () => {
  const TIMEOUTS = 12;

  /** Each waits for a lock that is held until after `seen`; all of them time out. */
  async function timeOut(pool: pg.Pool, seen: () => Promise<unknown>): Promise<unknown[]> {
    const holder = await database.connect();
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE delegations IN ACCESS EXCLUSIVE MODE');
    const errors: unknown[] = [];
    for (let i = 0; i < TIMEOUTS; i += 1) {
      errors.push(await pool.query('SELECT count(*) FROM delegations').catch((err: Error) => err.message));
    }
    try {
      await seen();
    } finally {
      await holder.query('ROLLBACK');
    }
    return errors;
  }

  test('go on in the server with a pool of plain node-postgres: the problem to be solved', async () => {
    const url = new URL(database.url);
    url.searchParams.set('application_name', 'under-test');
    const pool = new pg.Pool({ connectionString: url.href, query_timeout: 200, max: 2 });
    const errors = await timeOut(pool, async () => expect(await sessions('active')).toBe(TIMEOUTS));
    expect(errors).toEqual(Array(TIMEOUTS).fill('Query read timeout'));
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'under-test'`,
    );
    await pool.end();
    await noSessions();
  });

  test('are cancelled there, so that no backend remains, while the lock is still held', async () => {
    await withPool({ queryTimeoutMs: 200, connectionsMax: 2 }, async (pool) => {
      expect(await timeOut(pool, noSessions)).toEqual(Array(TIMEOUTS).fill('Query read timeout'));
    });
  });

  test('are cancelled in a transaction as well, whose next statements are refused at once', async () => {
    await withPool({ queryTimeoutMs: 200 }, async (pool) => {
      const client = await pool.connect();
      await client.query('BEGIN');
      await expect(client.query('SELECT pg_sleep(600)')).rejects.toThrow('Query read timeout');
      await expect(client.query('SELECT 1')).rejects.toThrow('Connection terminated: Query read timeout');
      const refused = new Promise((resolve) => client.query('ROLLBACK', (err: Error) => resolve(err.message)));
      expect(await refused).toBe('Connection terminated: Query read timeout');
      client.release();
      expect(pool.totalCount).toBe(0);
      await noSessions();
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });
  });
});

describe('a connection that must not be used again', () => {
  /** The answer of a server that was demoted; the session stays. */
  const refuseWrites = (client: pg.PoolClient) => client.query('SET default_transaction_read_only = on');

  test('is used again by a pool of plain node-postgres: the problem to be solved', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const client = await pool.connect();
    await refuseWrites(client);
    client.release();
    const write = () =>
      pool.connect().then(async (one) => one.query('DELETE FROM delegations').finally(() => one.release()));
    await expect(write()).rejects.toMatchObject({ code: '25006' });
    await expect(write()).rejects.toMatchObject({ code: '25006' });
    await pool.end();
  });

  test('is dropped after 25006, and a query under way on it may finish', async () => {
    await withPool({ connectionsMax: 1 }, async (pool) => {
      const client = await pool.connect();
      await refuseWrites(client);
      await client.query('BEGIN');
      await expect(client.query('DELETE FROM delegations')).rejects.toMatchObject({ code: '25006' });
      expect((await client.query('ROLLBACK')).command).toBe('ROLLBACK');
      client.release();
      expect(pool.totalCount).toBe(0);
      expect((await pool.query('DELETE FROM delegations')).rowCount).toBe(0);
    });
  });

  test.each(['57P01', '57P02', '57P03', '08006', '08P01', '25006'])('is dropped after %s', async (sqlstate) => {
    await withPool({}, async (pool) => {
      const raise = `DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '${sqlstate}'; END $$`;
      await expect(pool.query(raise)).rejects.toMatchObject({ code: sqlstate });
      expect(pool.totalCount).toBe(0);
    });
  });

  test.each(['57014', '23505', '40001', '42501', '55P03'])('is kept after %s', async (sqlstate) => {
    await withPool({}, async (pool) => {
      const client = await pool.connect();
      const raise = `DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '${sqlstate}'; END $$`;
      await expect(client.query(raise)).rejects.toMatchObject({ code: sqlstate });
      client.release();
      expect(pool.idleCount).toBe(1);
    });
  });

  test('takes the idle ones with it: agents whose connections all went half open lose one heartbeat, not one each', async () => {
    await using proxy = await TcpProxy.open(() => addressOf(database.url));
    const id = await seedDelegation(database, { silentSeconds: 60 });
    const options = { ...quiet(), applicationName: 'under-test', queryTimeoutMs: 500, connectionsMax: 4 };
    await using ledger = await openLedger(proxied(database.url, proxy), options);
    await Promise.all(Array.from({ length: 4 }, () => ledger.get(id)));
    expect(proxy.swallow()).toBe(4);
    const outcomes = [];
    for (let i = 0; i < 5; i += 1) outcomes.push((await ledger.heartbeat(id)).outcome);
    expect(outcomes).toEqual(['failed', 'stamped', 'fresh', 'fresh', 'fresh']);
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'under-test'`,
    );
  });

  test('takes the idle ones with it before its time limit, so that a keepAlive with a short threshold is heard over a new one', async () => {
    await using proxy = await TcpProxy.open(() => addressOf(database.url));
    const id = await seedDelegation(database, { silentSeconds: 60 });
    const options = { ...quiet(), applicationName: 'under-test', queryTimeoutMs: 8_000, connectionsMax: 4 };
    const ledger = await openLedger(proxied(database.url, proxy), options);
    await Promise.all(Array.from({ length: 4 }, () => ledger.get(id)));
    expect(proxy.swallow()).toBe(4);
    let isUnanswered = true;
    const askedAtMs = performance.now();
    const unanswered = ledger.get(id).catch((err: Error) => {
      isUnanswered = false;
      return err.message;
    });
    await waitFor('the three others to be given up', () => proxy.halfOpen <= 1);
    // Not before an eighth of the time limit, and before all of it.
    expect(performance.now() - askedAtMs).toBeGreaterThanOrEqual(1_000 - 5);
    expect(isUnanswered).toBe(true);
    expect((await ledger.heartbeat(id)).outcome).toBe('stamped');
    await ledger[Symbol.asyncDispose]();
    expect(await unanswered).toMatch(/terminated|timeout/i);
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'under-test'`,
    );
  });

  test('is replaced after its longest life', async () => {
    await withPool({ connectionLifetimeMs: 300 }, async (pool) => {
      const pid = async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
      const first = await pid();
      await waitFor('another session', async () => (await pid()) !== first);
    });
  });
});

describe('openLedger', () => {
  test('connects at the first call, so that an agent may start while the database is away', async () => {
    await using proxy = await TcpProxy.open(() => addressOf(database.url));
    proxy.cut();
    await using ledger = await openLedger(proxied(database.url, proxy), quiet());
    const delegation = { delegationId: 'd', callerId: 'a', calleeId: 'b', taskPreview: 't' };
    expect(await ledger.insert(delegation)).toMatchObject({ outcome: 'failed' });
    proxy.restore();
    expect(await ledger.insert(delegation)).toMatchObject({ outcome: 'inserted' });
  });

  test('sends nothing to a server that PGSSLMODE=no-verify would make it trust without a check', async () => {
    await using server = await startPasswordServer();
    process.env.PGSSLMODE = 'no-verify';
    try {
      await using ledger = await openLedger(server.url('s3cret'), quiet());
      await expect(ledger.get('d')).rejects.toThrow('any certificate');
      expect(server.passwords).toEqual([]);
    } finally {
      delete process.env.PGSSLMODE;
    }
  });

  test('uses the schema that it is given, whatever the search path', async () => {
    await database.query('CREATE SCHEMA elsewhere');
    await using ledger = await openLedger(database.url, { ...quiet(), schema: 'elsewhere' });
    await expect(ledger.get('d')).rejects.toMatchObject({
      code: '42P01',
      message: expect.stringContaining('elsewhere'),
    });
  });

  test('closes within its time limit although a query never ends, which then fails; closing twice is harmless', async () => {
    const ledger = await openLedger(database.url, { ...quiet(), applicationName: 'under-test', closeTimeoutMs: 300 });
    const holder = await database.connect();
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE delegations IN ACCESS EXCLUSIVE MODE');
    const asked = ledger.get('d').catch((err: Error) => err.message);
    await waitFor('the query to wait', async () => (await sessions('active')) === 1);
    await Promise.all([ledger[Symbol.asyncDispose](), ledger[Symbol.asyncDispose]()]);
    expect(await asked).toMatch(/terminated/);
    await holder.query('ROLLBACK');
    await noSessions();
    await expect(ledger.get('d')).rejects.toThrow();
  });

  test('closes within its time limit although its connections are half open', async () => {
    await using proxy = await TcpProxy.open(() => addressOf(database.url));
    const options = { ...quiet(), applicationName: 'under-test', closeTimeoutMs: 300 };
    const ledger = await openLedger(proxied(database.url, proxy), options);
    await ledger.get('d');
    proxy.swallow();
    await ledger[Symbol.asyncDispose]();
    await waitFor('the connection to be given up', () => proxy.halfOpen === 0);
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'under-test'`,
    );
  });

  test('closes within its time limit although a connection is still being opened', async () => {
    await using proxy = await TcpProxy.open(() => addressOf(database.url));
    proxy.stall();
    const ledger = await openLedger(proxied(database.url, proxy), { ...quiet(), closeTimeoutMs: 300 });
    const asked = ledger.get('d').then(
      () => 'answered',
      () => 'failed',
    );
    await waitFor('the attempt', () => proxy.accepted === 1);
    await ledger[Symbol.asyncDispose]();
    expect(await asked).toBe('failed');
  });

  test.each([
    [undefined, {}, 'url'],
    ['mysql://h/db', {}, 'url'],
    ['postgresql://h/db?sslmode=bogus', {}, 'url'],
    ['postgresql://h/db', { schema: '' }, 'schema'],
    ['postgresql://h/db', { schema: 'x'.repeat(64) }, 'schema'],
    ['postgresql://h/db', { connectionsMax: 0 }, 'connectionsMax'],
    ['postgresql://h/db', { connectionsMax: 1.5 }, 'connectionsMax'],
    ['postgresql://h/db', { connectTimeoutMs: -1 }, 'connectTimeoutMs'],
    ['postgresql://h/db', { queryTimeoutMs: Number.NaN }, 'queryTimeoutMs'],
    ['postgresql://h/db', { connectionLifetimeMs: 2 ** 31 }, 'connectionLifetimeMs'],
    ['postgresql://h/db', { closeTimeoutMs: '5s' as unknown as number }, 'closeTimeoutMs'],
    ['postgresql://h/db', { applicationName: 'nul\0' }, 'applicationName'],
    ['postgresql://h/db', { heartbeatMinIntervalMs: 0 }, 'heartbeatMinIntervalMs'],
  ])('refuses %j with %j, naming the field', async (url, options, field) => {
    const err = await openLedger(url as string, options).catch((reason: unknown) => reason);
    expect(err).toBeInstanceOf(InvalidArgumentError);
    expect(err).toMatchObject({ field });
  });
});
