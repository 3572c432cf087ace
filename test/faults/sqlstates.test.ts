import { expect, test } from '@jest/globals';
import { isRetryable } from '../../src/db/sqlstate.ts';
import { failingMarks, markingBackends, slowMarks } from '../support/faults.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { runDaemon } from '../support/in-process-daemon.ts';
import { countByStatus, notEndedOnce, seedFleet } from '../support/seed-fleet.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

const allStuck = (rows: number) =>
  waitFor('every row to be swept', async () => (await countByStatus(database)).stuck === rows, { timeoutMs: 60_000 });

type Daemon = Awaited<ReturnType<typeof runDaemon>>;

/** A sweep of fifty rows in which three updates raise this: every row is marked once, and none is taken for poisoned. */
async function sweepDespite(sqlstate: string, check: (daemon: Daemon) => void): Promise<void> {
  await seedFleet(database, { rows: 50, silentSeconds: 700 });
  await failingMarks(database, sqlstate, 3);
  await using daemon = await runDaemon(database.url, { SWEEP_BATCH_SIZE: '10' });
  await allStuck(50);
  await waitFor('the sweep to end', () => daemon.events('sweep.completed').length > 0);
  expect(daemon.events('sweep.poisoned')).toEqual([]);
  expect(daemon.events('delegation.stuck')).toHaveLength(50);
  expect(await notEndedOnce(database)).toEqual([]);
  check(daemon);
}

test.each([
  ['disk full', '53100'],
  ['out of memory', '53200'],
])('%s (%s) during a batch: logged with its SQLSTATE, tried again, nothing lost, nothing twice', (_what, sqlstate) =>
  sweepDespite(sqlstate, (daemon) => {
    const failures = daemon.events('sweep.failed');
    expect(failures.length).toBeGreaterThanOrEqual(1);
    for (const failure of failures) expect(failure).toMatchObject({ err: { code: sqlstate }, retryable: true });
  }),
);

// A trigger of one row may raise them as well, so the batch itself is run again, and no row waits for another.
test.each([
  ['deadlock', '40P01'],
  ['serialization failure', '40001'],
  ['lock not available', '55P03'],
  ['cancelled statement', '57014'],
])(
  '%s (%s) during a batch: the batch is run again, nothing lost, nothing twice, no row taken for poisoned',
  (_what, sqlstate) => sweepDespite(sqlstate, (daemon) => expect(daemon.events('sweep.failed')).toEqual([])),
);

test('a fault that lasts longer than a sweep and its retries costs only the ticks until it is over', async () => {
  await seedFleet(database, { rows: 20, silentSeconds: 700 });
  const { undo } = await failingMarks(database, '53100', 1_000_000);
  await using daemon = await runDaemon(database.url, { SWEEP_BATCH_SIZE: '10' });
  await waitFor('several failures', () => daemon.events('sweep.failed').length >= 3);
  expect(await countByStatus(database)).toEqual({ in_progress: 20 });
  await undo();
  await daemon.schedule.request('manual');
  await allStuck(20);
  expect(await notEndedOnce(database)).toEqual([]);
});

test('backends killed during a batch: the batch is undone and run again, nothing lost, nothing twice', async () => {
  await seedFleet(database, { rows: 120, silentSeconds: 700 });
  const { undo } = await slowMarks(database, 20);
  await using daemon = await runDaemon(database.url, { SWEEP_BATCH_SIZE: '10' });
  const failures = () => daemon.events('sweep.failed').length;
  for (let kill = 1; kill <= 3; kill += 1) {
    const before = failures();
    const pids = await waitFor('a batch in flight', async () => {
      const found = await markingBackends(database);
      return found.length > 0 && found;
    });
    await database.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid', [pids]);
    await waitFor('the failure', () => failures() > before);
  }
  await undo();
  await allStuck(120);
  for (const failure of daemon.events('sweep.failed')) {
    expect(failure).toMatchObject({ level: 'error', retryable: true, err: { code: '57P01' } });
  }
  expect(await notEndedOnce(database)).toEqual([]);
});

test('every connection of the daemon killed at once, again and again: it opens new ones and goes on', async () => {
  await using daemon = await runDaemon(database.url, { STUCK_AFTER: '2s' });
  for (let round = 0; round < 3; round += 1) {
    await database.query(`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'delegation-sweeper%'`);
    const id = await seedDelegation(database, { silentSeconds: 700 });
    // If the start-up sweep ended just before its session did, its job counts as running until its heartbeat is missing.
    await waitFor('the next sweep', async () => {
      await daemon.schedule.request('manual').catch((err) => expect(isRetryable(err)).toBe(true));
      const [row] = await database.query<{ status: string }>(
        'SELECT status FROM delegations WHERE delegation_id = $1',
        [id],
      );
      return row!.status === 'stuck';
    });
  }
  expect(await notEndedOnce(database)).toEqual([]);
});

test('a database that becomes read-only: logged with 25006, and the daemon goes on by itself when it is over', async () => {
  const reconnectAll = () =>
    database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'delegation-sweeper%'`);
  await using daemon = await runDaemon(database.url, { STUCK_AFTER: '2s' });
  await waitFor('the sweep at start', () => daemon.events('sweep.completed').length > 0);
  await database.query(`ALTER DATABASE ${database.name} SET default_transaction_read_only = on`);
  await reconnectAll();
  const unavailable = () => daemon.events('database.unavailable').map(({ err }) => (err as { code: string }).code);
  await waitFor('the beat to be refused', () => unavailable().includes('25006'));
  await waitFor('pg-boss to be refused', () =>
    daemon.events('pgboss.error').some(({ err }) => (err as { code: string }).code === '25006'),
  );
  const id = await seedDelegation(database, { silentSeconds: 700 });

  // The daemon's current sessions began read-only, and would stay so.
  await database.query(`ALTER DATABASE ${database.name} RESET default_transaction_read_only`);
  await waitFor('the recovery', () => daemon.events('database.recovered').length > 0);
  await waitFor(
    'the next sweep',
    async () => {
      await daemon.schedule.request('manual');
      const [row] = await database.query<{ status: string }>(
        'SELECT status FROM delegations WHERE delegation_id = $1',
        [id],
      );
      return row!.status === 'stuck';
    },
    { timeoutMs: 45_000 },
  );
  expect(await notEndedOnce(database)).toEqual([]);
});
