import { expect, test } from '@jest/globals';
import pg from 'pg';
import { ChaosServer } from '../chaos/chaos-server.ts';
import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { startDaemon } from '../support/daemon.ts';
import { slowMarks } from '../support/faults.ts';
import { proxied } from '../support/proxied.ts';
import { countByStatus, notEndedOnce, seedFleet } from '../support/seed-fleet.ts';
import { waitFor } from '../support/wait-for.ts';

/** The test's own server. */
function queryable(server: ChaosServer) {
  return {
    query: async <T>(sql: string, params: unknown[] = []) => {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      try {
        return (await client.query(sql, params)).rows as T[];
      } finally {
        await client.end();
      }
    },
  };
}

test('the server crashes (SIGQUIT) during a batch and comes back: the same daemon sweeps the rest, nothing lost, nothing twice', async () => {
  const ROWS = 300;
  const BATCH = 10;
  await using server = await ChaosServer.start('embedded');
  await using proxy = await TcpProxy.open(() => ({ path: server.socket }));
  const database = queryable(server);
  await seedFleet(database, { rows: ROWS, silentSeconds: 700 });
  await slowMarks(database, 10);
  // The first refusals come from the proxy, which stays, so that the daemon's address does not change.
  await using daemon = startDaemon(proxied(server.url, proxy), { SWEEP_BATCH_SIZE: String(BATCH) });

  await waitFor('the middle of the sweep', () => daemon.events('delegation.stuck').length >= 50);
  await server.crash();
  await daemon.until('sweep.failed', ({ retryable }) => retryable);
  const outage = await daemon.until('database.unavailable', ({ attempt }) => attempt >= 3, { timeoutMs: 60_000 });
  expect(outage.retryInMs).toBeLessThanOrEqual(10_000);
  await server.restart();
  await daemon.until('database.recovered', undefined, { timeoutMs: 60_000 });
  const committed = (await countByStatus(database)).stuck ?? 0;
  expect(committed).toBeGreaterThanOrEqual(50);

  // By the retry of its job, or by the next tick when the outage was longer.
  await waitFor('the rest to be swept', async () => (await countByStatus(database)).stuck === ROWS, {
    timeoutMs: 120_000,
  });
  expect(await notEndedOnce(database)).toEqual([]);
  const marked = daemon.events('delegation.stuck').map(({ delegationId }) => delegationId);
  expect(new Set(marked).size).toBe(marked.length);
  // One of the two running batches may have committed without an answer.
  expect(marked.length).toBeGreaterThanOrEqual(ROWS - 2 * BATCH);
  daemon.child.kill('SIGTERM');
  expect((await daemon.child.exit).code).toBe(0);
}, 240_000);

test('the server is away when the daemon starts: it waits, logs it, and begins when the server is available', async () => {
  await using server = await ChaosServer.start('embedded');
  await using proxy = await TcpProxy.open(() => ({ path: server.socket }));
  await seedFleet(queryable(server), { rows: 3, silentSeconds: 700 });
  proxy.cut();
  await using daemon = startDaemon(proxied(server.url, proxy));
  await daemon.until('database.unavailable', ({ attempt }) => attempt === 4, { timeoutMs: 60_000 });
  proxy.restore();
  await daemon.until('database.recovered', undefined, { timeoutMs: 60_000 });
  expect(await daemon.until('sweep.completed')).toMatchObject({ trigger: 'startup', stuck: 3 });
});
