import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/db/database.ts';
import { isRetryable } from '../../src/db/sqlstate.ts';
import { createLedgerPool, openLedger } from '../../src/index.ts';
import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { startDaemon } from '../support/daemon.ts';
import { capturedLog, seedDelegation } from '../support/fixtures.ts';
import { addressOf } from '../support/proxied.ts';
import { withClient } from '../support/server.ts';
import { type ClusterSeed, makeClusterSeed, ServerPair } from '../support/server-pair.ts';
import { waitFor } from '../support/wait-for.ts';

const ID = 'before-the-failover';
let seed: ClusterSeed;
let pair: ServerPair;
beforeAll(async () => {
  seed = await makeClusterSeed((url) =>
    withClient(url, async (client) => {
      // As if daemons had run with it before: a first one spares for ten minutes what it has not heard itself.
      await client.query('UPDATE sweeper_threshold SET stuck_after_ms = 5000');
      return seedDelegation(
        { query: async <T>(sql: string, params?: unknown[]) => (await client.query(sql, params)).rows as T[] },
        { delegationId: ID },
      );
    }),
  );
});
afterAll(async () => seed[Symbol.asyncDispose]());
beforeEach(async () => {
  pair = await ServerPair.start(seed);
});
afterEach(async () => pair[Symbol.asyncDispose]());

const quiet = () => ({ logger: capturedLog().logger });

async function whereIs(url: string): Promise<'primary' | 'standby'> {
  const pool = createLedgerPool(url);
  try {
    const { rows } = await pool.query('SELECT pg_is_in_recovery() AS standby');
    return rows[0].standby ? 'standby' : 'primary';
  } finally {
    await pool.end();
  }
}

describe('a pool with several hosts', () => {
  test('skips a standby, in either form of the URL, and a host that is away', async () => {
    await using standby = await TcpProxy.open(() => addressOf(pair.standby.url));
    await using primary = await TcpProxy.open(() => addressOf(pair.primary.url));
    const byAuthority = `postgresql://postgres@127.0.0.1:${standby.port},127.0.0.1:${primary.port}/postgres`;
    expect(await whereIs(byAuthority)).toBe('primary');
    expect(await whereIs(pair.urlOf(['standby', 'primary']))).toBe('primary');
    expect(await whereIs(pair.urlOf(['standby', 'primary'], '&target_session_attrs=primary'))).toBe('primary');
    expect(await whereIs(`postgresql://postgres@127.0.0.1:1,127.0.0.1:${primary.port}/postgres`)).toBe('primary');
    // Where a connection leads depends on what was asked for.
    expect(await whereIs(pair.urlOf(['standby', 'primary'], '&target_session_attrs=any'))).toBe('standby');
    expect(await whereIs(pair.urlOf(['standby']))).toBe('standby');
  });

  test('leaves a server that became read-only although it only reads there: the server reports this with its answers', async () => {
    const pool = createLedgerPool(pair.urlOf(['primary', 'standby']), { connectionsMax: 1 });
    await pool.query('SELECT 1');
    await pair.demotePrimary();
    await pair.promote();
    await waitFor('a server that takes writes', async () => {
      const { rows } = await pool.query(`SELECT current_setting('transaction_read_only') AS "readOnly"`);
      return rows[0].readOnly === 'off';
    });
    await pool.end();
  });

  test('says for each host why it cannot be used, as a temporary fault', async () => {
    await pair.demotePrimary();
    const pool = createLedgerPool(pair.urlOf(['primary', 'standby']));
    const err = await pool.query('SELECT 1').catch((reason: unknown) => reason);
    expect(isRetryable(err)).toBe(true);
    const messages = (err as AggregateError).errors.map(({ message }: Error) => message);
    expect(messages).toEqual([
      expect.stringMatching(/takes no writes, and target_session_attrs is read-write/),
      expect.stringMatching(/is a standby, and target_session_attrs is read-write/),
    ]);
    expect(pool.totalCount).toBe(0);
    await pair.promote();
    expect((await pool.query('SELECT pg_is_in_recovery() AS standby')).rows).toEqual([{ standby: false }]);
    await pool.end();
  });

  test('waits once for a host that drops packets, and then begins with the good one', async () => {
    await using dead = await TcpProxy.open(() => addressOf(pair.standby.url));
    await using good = await TcpProxy.open(() => addressOf(pair.primary.url));
    dead.stall();
    const url = `postgresql://postgres@127.0.0.1:${dead.port},127.0.0.1:${good.port}/postgres`;
    const pool = createLedgerPool(url, { connectTimeoutMs: 2_000 });
    const clients = [await pool.connect()];
    const tried = dead.accepted;
    expect(tried).toBe(1);
    clients.push(await pool.connect(), await pool.connect());
    expect(dead.accepted).toBe(tried);
    for (const client of clients) client.release();
    await pool.end();
  });
});

describe("an agent's ledger with several hosts", () => {
  test('goes on at the promoted standby when the primary is lost', async () => {
    await using ledger = await openLedger(pair.urlOf(['primary', 'standby']), quiet());
    expect((await ledger.heartbeat(ID)).outcome).toMatch(/stamped|fresh/);
    await pair.primary.stop();
    await pair.promote();
    await waitFor('a heartbeat at the other host', async () => (await ledger.heartbeat(ID)).outcome !== 'failed');
    expect((await ledger.setStatus(ID, 'completed')).outcome).toBe('changed');
    expect(await pair.query('standby', 'SELECT status FROM delegations')).toEqual([{ status: 'completed' }]);
  });

  test('leaves a server that became read-only, with all its connections at once', async () => {
    const options = { ...quiet(), connectionsMax: 4 };
    await using ledger = await openLedger(pair.urlOf(['primary', 'standby']), options);
    await Promise.all(Array.from({ length: 4 }, () => ledger.get(ID)));
    await pair.demotePrimary();
    await pair.promote();
    // The first gets the refusal; the other connections, idle meanwhile, are not used any more.
    const results = [];
    for (let i = 0; i < 5; i += 1) results.push(await ledger.setStatus(ID, 'completed').catch((err) => err.code));
    expect(results.filter((result) => result === '25006').length).toBeLessThanOrEqual(1);
    expect(await pair.query('standby', 'SELECT status FROM delegations')).toEqual([{ status: 'completed' }]);
  });
});

test('a daemon with several hosts goes on sweeping at the promoted standby, without a restart', async () => {
  const env = { STUCK_AFTER: '5s', SWEEP_CRON: '* * * * *' };
  await using daemon = startDaemon(pair.urlOf(['standby', 'primary']), env);
  await daemon.until('sweep.completed');
  await pair.primary.stop();
  await daemon.until('database.unavailable');
  await pair.promote();
  await daemon.until('database.recovered', undefined, { timeoutMs: 60_000 });
  // In the new primary no heartbeat arrives at all.
  await waitFor(
    'the silent delegation to be marked there',
    async () => {
      const rows = await pair.query<{ status: string }>('standby', 'SELECT status FROM delegations');
      return rows[0]!.status === 'stuck';
    },
    { timeoutMs: 120_000 },
  );
  daemon.child.kill('SIGTERM');
  expect(await daemon.child.exit).toEqual({ code: 0, signal: null });
}, 180_000);

test('a pool of the daemon drops its connections to a server that became read-only, the idle ones as well', async () => {
  const location = { url: pair.urlOf(['primary', 'standby']) };
  const options = { location, max: 3, applicationName: 'failover', queryTimeoutMs: 10_000, schema: 'public' };
  await using handle = openDatabase(options);
  const clients = await Promise.all([1, 2, 3].map(() => handle.pool.connect()));
  for (const client of clients) client.release();
  await pair.demotePrimary();
  await pair.promote();
  await handle.db
    .updateTable('delegations')
    .set({ status: 'completed' })
    .execute()
    .catch(() => undefined);
  await handle.db.updateTable('delegations').set({ status: 'completed' }).execute();
  const left = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'failover'`;
  await waitFor('the old sessions to end', async () => {
    const [row] = await pair.query<{ count: number }>('primary', left);
    return row!.count === 0;
  });
});
