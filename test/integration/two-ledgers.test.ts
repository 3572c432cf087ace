import { expect, test } from '@jest/globals';
import { installSchemas } from '../../src/compose/install.ts';
import { SWEEP_QUEUE, sweepQueue } from '../../src/sweeper/schedule/queue-name.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { runDaemon } from '../support/in-process-daemon.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test', replayed: false });
/** A tick of the real schedule is a minute, and the current one may have just passed. */
const TICK_MS = 180_000;
const SECOND = 'team_a';
const never = { SWEEP_CRON: '0 0 1 1 *' };

async function installSecond(): Promise<void> {
  await installSchemas({ location: { url: database.url }, dbSchema: SECOND, pgbossSchema: 'pgboss' });
}

/** Of sweeps: the nightly reconcile of each ledger has one, too. */
const schedules = async () =>
  Object.fromEntries(
    (
      await database.query<{ name: string; cron: string }>(
        `SELECT name, cron FROM pgboss.schedule WHERE name LIKE '${SWEEP_QUEUE}%'`,
      )
    ).map(({ name, cron }) => [name, cron]),
  );

const ticks = (daemon: TestDaemon) => daemon.events('sweep.completed').filter(({ trigger }) => trigger === 'cron');

test(
  'two ledgers in one database share pg-boss, and each is swept at the start and on every tick',
  async () => {
    await installSecond();
    await using first = startDaemon(database.url);
    await using second = startDaemon(database.url, { DB_SCHEMA: SECOND });
    // Started before the other has ended: with one queue, one of the two would have been dropped.
    for (const daemon of [first, second]) {
      expect(await daemon.until('sweep.completed')).toMatchObject({ trigger: 'startup' });
    }
    await waitFor('two ticks of each', () => [first, second].every((daemon) => ticks(daemon).length >= 2), {
      timeoutMs: TICK_MS,
    });
    for (const daemon of [first, second]) {
      expect(daemon.events('sweep.tick_missed')).toEqual([]);
      daemon.child.kill('SIGTERM');
      expect(await daemon.child.exit).toEqual({ code: 0, signal: null });
    }
    // One sweep a tick, though a late one may fall into the minute of the next.
    const due = `SELECT DISTINCT data ->> 'slot' FROM pgboss.job WHERE name = '__pgboss__send-it' AND data ->> 'name' = $1`;
    expect(ticks(first).length).toBeLessThanOrEqual((await database.query(due, [SWEEP_QUEUE])).length);
    expect(ticks(second).length).toBeLessThanOrEqual((await database.query(due, [sweepQueue(SECOND)])).length);
    const swept = (schema: string) =>
      database.query<{ trigger: string }>(`SELECT trigger FROM ${schema}.sweeper_sweeps`);
    expect((await swept('public')).length).toBe(first.events('sweep.completed').length);
    expect((await swept(SECOND)).length).toBe(second.events('sweep.completed').length);
  },
  TICK_MS + 60_000,
);

test('each has its own schedule and exclusive queue; a queued or running sweep of one drops none of the other', async () => {
  await installSecond();
  await using first = await runDaemon(database.url, { SWEEP_CRON: '0 0 1 1 *' });
  await using second = await runDaemon(database.url, { SWEEP_CRON: '0 0 2 2 *', DB_SCHEMA: SECOND });
  expect(await schedules()).toEqual({ [SWEEP_QUEUE]: '0 0 1 1 *', [sweepQueue(SECOND)]: '0 0 2 2 *' });
  const policies = `SELECT name, policy, heartbeat_seconds FROM pgboss.queue WHERE name LIKE '${SWEEP_QUEUE}%' ORDER BY name`;
  expect(await database.query(policies)).toEqual(
    [SWEEP_QUEUE, sweepQueue(SECOND)].map((name) => ({ name, policy: 'exclusive', heartbeat_seconds: 10 })),
  );
  await waitFor('both to have swept at the start', () =>
    [first, second].every((daemon) => daemon.events('sweep.completed').length === 1),
  );
  for (const [n, daemon] of [first, second, first, second].entries()) {
    await waitFor('the request to be taken', () => daemon.schedule.request('manual'));
    await waitFor('its sweep', () => daemon.events('sweep.completed').length === 2 + Math.floor(n / 2));
  }
});

test('after an upgrade from 0.1.0 a ledger of another schema ends the ticks that it left on the shared queue', async () => {
  await installSecond();
  await database.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await leftBy010();
  await using _ = await runDaemon(database.url, { ...never, DB_SCHEMA: SECOND });
  expect(await schedules()).toEqual({ [sweepQueue(SECOND)]: never.SWEEP_CRON });
  // The queue may belong to a third ledger whose daemon is still of 0.1.0.
  expect(await database.query('SELECT name FROM pgboss.queue WHERE name = $1', [SWEEP_QUEUE])).toHaveLength(1);
});

test('and leaves them where they may belong to the ledger in `public`', async () => {
  await installSecond();
  await leftBy010();
  await using _ = await runDaemon(database.url, { ...never, DB_SCHEMA: SECOND });
  expect(await schedules()).toEqual({ [SWEEP_QUEUE]: '*/7 * * * *', [sweepQueue(SECOND)]: never.SWEEP_CRON });
});

async function leftBy010(): Promise<void> {
  await database.query(`SELECT pgboss.create_queue($1, '{"policy":"exclusive"}')`, [SWEEP_QUEUE]);
  await database.query(`INSERT INTO pgboss.schedule (name, cron, timezone) VALUES ($1, '*/7 * * * *', 'UTC')`, [
    SWEEP_QUEUE,
  ]);
}
