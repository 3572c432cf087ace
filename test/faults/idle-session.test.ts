import { describe, expect, test } from '@jest/globals';
import { type Kysely, sql } from 'kysely';
import { openDatabase } from '../../src/db/database.ts';
import { againWhereIdleClosed, isIdleClosed } from '../../src/db/idle-closed.ts';
import type { Database } from '../../src/db/schema.ts';
import { runDaemon } from '../support/in-process-daemon.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

/** A setting of the server. It applies to sessions that begin later. */
const limitIdleTo = (timeout: string) =>
  database.query(`ALTER DATABASE ${database.name} SET idle_session_timeout = '${timeout}'`);

describe('a server that closes idle connections', () => {
  // A beat comes every second here, just when the server closes the connection: about every fourth beat was affected.
  test('is not unavailable: beats and sweeps go on, and nothing is logged', async () => {
    const BEATS = 20;
    await limitIdleTo('1s');
    await using daemon = await runDaemon(database.url, { STUCK_AFTER: '10s' });
    const seen = new Set<string>();
    await waitFor(
      'the beats',
      async () => {
        const [row] = await database.query<{ at: string }>('SELECT beat_at::text AS at FROM sweeper_state');
        return seen.add(row!.at).size > BEATS;
      },
      { timeoutMs: 60_000 },
    );
    expect(daemon.events('sweep.completed').length).toBeGreaterThan(0);
    for (const event of ['database.unavailable', 'sweep.failed', 'sweep.unobserved', 'pgboss.error'] as const) {
      expect(daemon.events(event)).toEqual([]);
    }
  }, 90_000);
});

describe('a connection that the server closed just before its query', () => {
  /** A handle on one connection, and a way to have the nth query after the next checkout answered by this error. */
  async function withClosed(
    run: (db: Kysely<Database>, closeNext: (code: string, nth?: number) => void) => Promise<void>,
  ) {
    await using handle = openDatabase({
      location: { url: database.url },
      max: 1,
      applicationName: 'idle',
      queryTimeoutMs: 60_000,
      schema: 'public',
    });
    await run(handle.db, (code, nth = 1) => {
      handle.pool.once('acquire', (client) => {
        const query = client.query.bind(client) as (...args: unknown[]) => unknown;
        let left = nth;
        client.query = ((...args: unknown[]) => {
          left -= 1;
          return left === 0
            ? Promise.reject(Object.assign(new Error('terminating connection'), { code }))
            : query(...args);
        }) as typeof client.query;
      });
    });
  }
  const pidOf = async (db: Kysely<Database>) =>
    (await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(db)).rows[0]!.pid;

  test('is replaced, also in a pool of one, and the query is sent again over the new one', async () => {
    await withClosed(async (db, closeNext) => {
      const before = await pidOf(db);
      closeNext('57P05');
      const after = await pidOf(db);
      expect(after).not.toBe(before);
      expect(await pidOf(db)).toBe(after);
    });
  });

  test('is replaced at the BEGIN of a transaction, which is then complete', async () => {
    await withClosed(async (db, closeNext) => {
      closeNext('57P05');
      await db.transaction().execute(async (trx) => {
        await sql`UPDATE sweeper_state SET sweep_id = 'whole'`.execute(trx);
      });
      expect(await database.query('SELECT sweep_id FROM sweeper_state')).toEqual([{ sweep_id: 'whole' }]);
    });
  });

  test('fails its query when it was closed for another reason: that one may have been carried out', async () => {
    await withClosed(async (db, closeNext) => {
      for (const code of ['57P01', 'ECONNRESET']) {
        closeNext(code);
        await expect(pidOf(db)).rejects.toMatchObject({ code });
      }
      expect(await pidOf(db)).toBeGreaterThan(0);
    });
  });

  test('fails a later statement of its transaction, and with it the transaction', async () => {
    await withClosed(async (db, closeNext) => {
      closeNext('57P05', 3);
      const lost = db.transaction().execute(async (trx) => {
        await sql`UPDATE sweeper_state SET sweep_id = 'half'`.execute(trx);
        await sql`SELECT 1`.execute(trx);
      });
      await expect(lost).rejects.toMatchObject({ code: '57P05' });
      expect(await database.query('SELECT sweep_id FROM sweeper_state')).toEqual([{ sweep_id: null }]);
    });
  });
});

test('a query is sent again only once, and for no other error', async () => {
  const closed = Object.assign(new Error('terminating connection'), { code: '57P05' });
  let runs = 0;
  const failing = (err: unknown) =>
    againWhereIdleClosed(async () => {
      runs += 1;
      throw err;
    });
  await expect(failing(closed)).rejects.toBe(closed);
  expect(runs).toBe(2);
  await expect(failing(new Error('other'))).rejects.toThrow('other');
  expect(runs).toBe(3);
});

test("PgBouncer's own limit counts as well, and nothing else that it ends", () => {
  const pgBouncer = (message: string) => Object.assign(new Error(message), { code: '08P01' });
  expect(isIdleClosed(pgBouncer('client_idle_timeout'))).toBe(true);
  expect(isIdleClosed(pgBouncer('server_login_retry'))).toBe(false);
  for (const other of [null, undefined, 'text', new Error('client_idle_timeout')])
    expect(isIdleClosed(other)).toBe(false);
});
