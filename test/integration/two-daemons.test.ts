import { expect, test } from '@jest/globals';
import { PgBoss } from 'pg-boss';
import { SWEEP_QUEUE } from '../../src/sweeper/schedule/schedule.ts';
import type { LineOf } from '../support/catalogued.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
/** A tick of the real schedule is a minute, and the current one may have just passed. */
const TICK_MS = 180_000;

function sweeps(...daemons: TestDaemon[]): LineOf<'sweep.completed'>[] {
  return daemons.flatMap((daemon) => daemon.events('sweep.completed'));
}

async function stop(...daemons: TestDaemon[]): Promise<void> {
  for (const { child } of daemons) child.kill('SIGTERM');
  for (const { child } of daemons) expect(await child.exit).toEqual({ code: 0, signal: null });
}

/** Requests a sweep through the queue, as any program may. Null: dropped, since one is queued or active. */
async function request(boss: PgBoss): Promise<string | null> {
  return boss.send(SWEEP_QUEUE, { trigger: 'manual' });
}

function sender(): PgBoss {
  const boss = new PgBoss({
    connectionString: database.url,
    max: 1,
    supervise: false,
    schedule: false,
    migrate: false,
  });
  boss.on('error', () => undefined);
  return boss;
}

test(
  'two daemons together: one sweep per request, and one per tick of the schedule',
  async () => {
    await using first = startDaemon(database.url);
    await using second = startDaemon(database.url);
    const boss = sender();
    await boss.start();
    try {
      // Each has a row of its own once it beats; what a session's last statement was, is seen for an instant only.
      await waitFor('both to beat', async () => {
        const beating = await database.query('SELECT FROM sweeper_daemons');
        return sweeps(first, second).length > 0 && beating.length === 2;
      });
      for (let n = 1; n <= 5; n += 1) {
        await waitFor('the request to be taken', () => request(boss));
        await waitFor(
          'its sweep',
          () => sweeps(first, second).filter(({ trigger }) => trigger === 'manual').length === n,
        );
      }
      const ticks = () => sweeps(first, second).filter(({ trigger }) => trigger === 'cron');
      await waitFor('a tick', () => ticks().length > 0, { timeoutMs: TICK_MS });
      // Anything else that the tick left in the queue would be taken before this.
      await waitFor('the request to be taken', () => request(boss));
      await waitFor(
        'its sweep',
        () => sweeps(first, second).filter(({ trigger }) => trigger === 'manual').length === 6,
      );
      const minutes = ticks().map(({ time }) => time.slice(0, 'yyyy-mm-ddThh:mm'.length));
      expect(new Set(minutes).size).toBe(minutes.length);
      await stop(first, second);
    } finally {
      await boss.stop({ graceful: false });
    }
  },
  TICK_MS + 60_000,
);

test('a daemon that starts while the start-up sweep of another runs does not add one of its own', async () => {
  await seedDelegation(database, { silentSeconds: 700 });
  await database.query(`
    CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock_shared(4242); RETURN NEW; END $$;
    CREATE TRIGGER gate BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION gate()`);
  const keeper = await database.connect();
  await keeper.query('SELECT pg_advisory_lock(4242)');
  // No tick of the schedule comes in between.
  const env = { SWEEP_CRON: '0 0 1 1 *' };
  await using first = startDaemon(database.url, env);
  await waitFor('the first in the middle of its sweep', async () => {
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`;
    return (await database.query(waiting)).length > 0;
  });

  const named = new URL(database.url);
  named.searchParams.set('application_name', 'second');
  await using second = startDaemon(named.href, env);
  await waitFor('the second to look for work', async () => {
    const looking = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'second' AND query ~ 'SKIP LOCKED' AND query ~ 'delegation-sweep'`;
    return (await database.query(looking)).length > 0;
  });
  await keeper.query('SELECT pg_advisory_unlock(4242)');
  await first.until('sweep.completed');

  const boss = sender();
  await boss.start();
  await waitFor('the request to be taken', () => request(boss));
  await waitFor('its sweep', () => sweeps(first, second).some(({ trigger }) => trigger === 'manual'));
  await boss.stop({ graceful: false });
  expect(sweeps(first, second).map(({ trigger }) => trigger)).toEqual(expect.arrayContaining(['startup', 'manual']));
  expect(sweeps(first, second)).toHaveLength(2);
  await stop(first, second);
});
