import { expect, test } from '@jest/globals';
import { installSchemas } from '../../src/compose/install.ts';
import { SWEEP_QUEUE } from '../../src/sweeper/schedule/schedule.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { runDaemon } from '../support/in-process-daemon.ts';
import { notEndedOnce } from '../support/seed-fleet.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test', replayed: false });
type Logged = { code: string | null };

test('both schemas dropped while the daemon runs: logged with the SQLSTATE, and after `migrate up` it goes on without a restart', async () => {
  await using daemon = await runDaemon(database.url, { STUCK_AFTER: '2s' });
  await waitFor('the sweep at start', () => daemon.events('sweep.completed').length > 0);
  const [before] = await database.query('SELECT cron, timezone, options FROM pgboss.schedule WHERE name = $1', [
    SWEEP_QUEUE,
  ]);

  // One sweep fails by it too.
  await database.query('DROP SCHEMA public CASCADE');
  // The queue takes none while the job of the sweep at start has not ended.
  await waitFor('the request to be taken', () => daemon.schedule.request('manual'));
  await waitFor('a sweep to fail', () => daemon.events('sweep.failed').length > 0);
  await database.query('DROP SCHEMA pgboss CASCADE');
  await waitFor('the beat to fail', () => daemon.events('database.unavailable').length > 0);
  await waitFor('pg-boss to fail', () => daemon.events('pgboss.error').length > 0);
  for (const { err } of [
    ...daemon.events('sweep.failed'),
    ...daemon.events('database.unavailable'),
    ...daemon.events('pgboss.error'),
  ]) {
    expect(['42P01', '3F000', '42883']).toContain((err as Logged).code);
  }
  expect(daemon.events('sweep.failed')[0]).toMatchObject({ retryable: true, err: { code: '42P01' } });

  await installSchemas({ location: { url: database.url }, dbSchema: 'public', pgbossSchema: 'pgboss' });
  const id = await seedDelegation(database, { silentSeconds: 700 });
  await waitFor('the beat', () => daemon.events('database.recovered').length > 0, { timeoutMs: 40_000 });
  await waitFor(
    'the queue and its schedule',
    async () => {
      const rows = await database.query('SELECT cron, timezone, options FROM pgboss.schedule WHERE name = $1', [
        SWEEP_QUEUE,
      ]);
      if (rows.length > 0) expect(rows).toEqual([before]);
      return rows.length > 0;
    },
    { timeoutMs: 40_000 },
  );
  const [queue] = await database.query('SELECT policy, heartbeat_seconds FROM pgboss.queue WHERE name = $1', [
    SWEEP_QUEUE,
  ]);
  expect(queue).toEqual({ policy: 'exclusive', heartbeat_seconds: 10 });
  await daemon.schedule.request('manual');
  await waitFor('the worker to sweep', async () => {
    const [row] = await database.query<{ status: string }>('SELECT status FROM delegations WHERE delegation_id = $1', [
      id,
    ]);
    return row!.status === 'stuck';
  });
  expect(await notEndedOnce(database)).toEqual([]);

  // Ticks come again: pg-boss's own cron queue exists again.
  await database.query(`UPDATE pgboss.schedule SET cron = '* * * * *'`);
  const ticks = () => daemon.events('sweep.completed').filter(({ trigger }) => trigger === 'cron').length;
  const ticksBefore = ticks();
  await waitFor('a tick', () => ticks() > ticksBefore, { timeoutMs: 100_000 });
}, 180_000);
