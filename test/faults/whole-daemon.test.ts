import { expect, test } from '@jest/globals';
import { seedDelegation } from '../support/fixtures.ts';
import { waitFor } from '../support/wait-for.ts';
import { startFasterDaemon } from './faster-daemon.ts';
import { REFUSED_ENV, refusedFor } from './refused.ts';

/** A minute takes six seconds. Faster, on a busy machine, it meets the time limits, tries again, and keeps the machine busy with that. */
const FACTOR = 10;
const PATIENCE = { timeoutMs: 120_000 };

test('the server refuses the whole daemon for five minutes: the hour is in test/soak', async () => {
  await using undo = new AsyncDisposableStack();
  await refusedFor(5, await startFasterDaemon(undo, { factor: FACTOR, env: REFUSED_ENV }));
}, 300_000);

test('all connections of a daemon become half open: each is given up, and it sweeps, serves and is ready again', async () => {
  await using undo = new AsyncDisposableStack();
  const { database, proxy, daemon, answer } = await startFasterDaemon(undo, { factor: FACTOR });
  await daemon.until('sweep.completed', undefined, PATIENCE);
  const sessions = async () =>
    (
      await database.query<{ name: string }>(`SELECT DISTINCT application_name AS name FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'delegation-sweeper%' ORDER BY 1`)
    ).map(({ name }) => name);
  const pools = ['delegation-sweeper', 'delegation-sweeper ops', 'delegation-sweeper pg-boss'];
  await waitFor('a connection of each pool', async () => {
    await Promise.all(['/readyz', '/metrics', '/delegations'].map(answer));
    return (await sessions()).join() === pools.join();
  });
  const silent = await seedDelegation(database, { silentSeconds: 700 });
  expect(proxy.swallow()).toBeGreaterThanOrEqual(pools.length);
  await waitFor('all of them to be given up', () => proxy.halfOpen === 0, PATIENCE);
  await daemon.until('delegation.stuck', ({ delegationId }) => delegationId === silent, PATIENCE);
  for (const path of ['/readyz', '/', '/delegations']) {
    await waitFor(`an answer to ${path}`, async () => (await answer(path)) === 200, PATIENCE);
  }
  daemon.child.kill('SIGTERM');
  expect(await daemon.child.exit).toEqual({ code: 0, signal: null });
  // The server knows of no end of those that were swallowed.
  await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'delegation-sweeper%'`);
  await waitFor('their ends', async () => (await sessions()).length === 0);
}, 300_000);
