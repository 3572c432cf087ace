import { expect, test } from '@jest/globals';
import { Boss } from '../../src/jobs/boss.ts';
import { Availability } from '../../src/outage/availability.ts';
import { Schedule, SWEEP_QUEUE } from '../../src/sweeper/schedule/schedule.ts';
import { POLL_SECONDS } from '../../src/sweeper/schedule/worker.ts';
import type { Sweeper } from '../../src/sweeper/sweeper.ts';
import { startDaemon } from '../support/daemon.ts';
import { capturedLog } from '../support/fixtures.ts';
import { countByStatus, notEndedOnce, seedFleet } from '../support/seed-fleet.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

/** Every marked row takes this long, so that a sweep has a middle. */
const slowDown = (ms: number) =>
  database.query(`
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(${ms / 1000}); RETURN NEW; END $$;
    CREATE TRIGGER slow BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION slow()`);

test('three daemons, one killed in the middle of a sweep: its commits stay, another sweeps the rest without a tick, nothing twice', async () => {
  const ROWS = 400;
  await seedFleet(database, { rows: ROWS, silentSeconds: 700 });
  await slowDown(5);
  const stuck = async () => (await countByStatus(database)).stuck ?? 0;
  // No tick comes in between: what sweeps the rest is that the job of the dead daemon is taken for dead.
  const env = { SWEEP_BATCH_SIZE: '10', SWEEP_CRON: '0 0 1 1 *' };
  await using first = startDaemon(database.url, env);
  await using second = startDaemon(database.url, env);
  await using third = startDaemon(database.url, env);
  const daemons = [first, second, third];

  const victim = await waitFor('a daemon in the middle of its sweep', () =>
    daemons.find((daemon) => daemon.events('delegation.stuck').length >= 30),
  );
  victim.child.kill('SIGKILL');
  await victim.child.exit;
  // What the server was still doing ends or is undone by itself.
  await waitFor('its sessions to end', async () => {
    const active = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
    return (await database.query(active)).length === 0;
  });
  const committed = await stuck();
  expect(committed).toBeGreaterThanOrEqual(30);
  expect(committed).toBeLessThan(ROWS);

  // How long it takes depends on the machine; what it waits for by design is less than half a minute.
  const waits = 'SELECT heartbeat_seconds AS seconds FROM pgboss.queue WHERE name = $1';
  const [queue] = await database.query<{ seconds: number }>(waits, [SWEEP_QUEUE]);
  expect(queue!.seconds + 2 * POLL_SECONDS).toBeLessThan(30);
  await waitFor('the rest to be swept', async () => (await stuck()) === ROWS, { timeoutMs: 150_000 });
  expect(await notEndedOnce(database)).toEqual([]);
  const others = daemons.filter((daemon) => daemon !== victim);
  for (const { child } of others) child.kill('SIGTERM');
  for (const { child } of others) expect(await child.exit).toEqual({ code: 0, signal: null });
  // A daemon that has ended has written its whole log.
  expect(others.flatMap((daemon) => daemon.events('delegation.stuck')).length).toBe(ROWS - committed);
}, 240_000);

test('sweeps longer than a tick do not accumulate: while one runs, every replica drops further requests', async () => {
  let runs = 0;
  let gate = Promise.withResolvers<void>();
  const slow = {
    sweep: async () => {
      runs += 1;
      await gate.promise;
    },
  } as unknown as Sweeper;
  const { log, lines } = capturedLog();
  const connection = { location: { url: database.url }, max: 2, applicationName: 'replica', queryTimeoutMs: 60_000 };
  const options = { dbSchema: 'public', db: database.db, pgbossSchema: 'pgboss', cron: '0 0 1 1 *', timezone: 'UTC' };
  const bosses = [1, 2, 3].map(
    () => new Boss(log, new Availability(log), { connection, pgbossSchema: 'pgboss', stopWithinMs: 5_000 }),
  );
  const replicas = bosses.map((boss) => new Schedule(boss, slow, log, new Availability(log), options));
  try {
    await Promise.all(bosses.map((boss) => boss.start()));
    await Promise.all(replicas.map((replica) => replica.start()));
    await waitFor('the sweep at start', () => runs === 1);
    const asked = await Promise.all(Array.from({ length: 60 }, (_, i) => replicas[i % 3]!.request('cron')));
    expect(asked.filter(Boolean)).toEqual([]);
    expect(await database.query('SELECT state::text FROM pgboss.job WHERE name = $1', [SWEEP_QUEUE])).toEqual([
      { state: 'active' },
    ]);

    gate.resolve();
    await waitFor('the sweep to end', async () => {
      const open = `SELECT 1 FROM pgboss.job WHERE name = $1 AND state < 'completed'`;
      return (await database.query(open, [SWEEP_QUEUE])).length === 0;
    });
    expect(runs).toBe(1);
    gate = Promise.withResolvers();
    const again = await Promise.all(replicas.map((replica) => replica.request('cron')));
    expect(again.filter(Boolean)).toHaveLength(1);
    await waitFor('one more sweep', () => runs === 2);
  } finally {
    gate.resolve();
    await Promise.all(replicas.map((replica) => replica.stop()));
    await Promise.all(bosses.map((boss) => boss.stop()));
  }
  expect(runs).toBe(2);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});
