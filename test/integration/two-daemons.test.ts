import { expect, test } from '@jest/globals';
import { PgBoss } from 'pg-boss';
import { SWEEP_QUEUE } from '../../src/sweeper/schedule/schedule.ts';
import { startDebianServer } from '../conformance/debian-server.ts';
import type { LineOf } from '../support/catalogued.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { createTestDatabase } from '../support/database.ts';
import { fasterTime } from '../support/faster-time.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
/** No tick of the schedule comes in the time of a test. */
const TICKLESS = { SWEEP_CRON: '0 0 1 1 *' };
/** A minute, from one tick to the next, takes five seconds. */
const FACTOR = 12;
const TICKS = 6;

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

test('two daemons together: one sweep per request', async () => {
  await using first = startDaemon(database.url, TICKLESS);
  await using second = startDaemon(database.url, TICKLESS);
  const boss = sender();
  await boss.start();
  try {
    // Each has a row of its own once it beats; what a session's last statement was, is seen for an instant only.
    await waitFor('both to beat', async () => {
      const beating = await database.query('SELECT FROM sweeper_daemons');
      return sweeps(first, second).length > 0 && beating.length === 2;
    });
    const manual = () => sweeps(first, second).filter(({ trigger }) => trigger === 'manual');
    for (let n = 1; n <= 5; n += 1) {
      await waitFor('the request to be taken', () => request(boss));
      await waitFor('its sweep', () => manual().length >= n);
    }
    // Anything else that was in the queue would have been taken before the last one.
    expect(manual()).toHaveLength(5);
    await stop(first, second);
  } finally {
    await boss.stop({ graceful: false });
  }
});

/** What is wrong about sweeps, by the seconds at which they began, that are to come once in each minute, however late in it. */
function notOnceAMinute(at: readonly number[]): string[] {
  const minutes = at.map((second) => Math.floor(second / 60));
  return minutes
    .slice(1)
    .map((minute, i) => minute - minutes[i]!)
    .filter((distance) => distance !== 1)
    .map((distance) => `${distance} min from one to the next`);
}

test('two daemons together: one sweep for each tick of the schedule, and none left out', async () => {
  await using undo = new AsyncDisposableStack();
  const faster = fasterTime(FACTOR);
  await using shared = await createTestDatabase(await startDebianServer(undo, { env: faster }));
  // The default, 25 s, is two seconds here, which a stop in the middle of a tick may need.
  const env = { ...faster, SHUTDOWN_GRACE: '10m' };
  await using first = startDaemon(shared.url, env);
  await using second = startDaemon(shared.url, env);
  // By the server's clock, which both go by.
  const ticks = () =>
    shared.query<{ at: number }>(`SELECT extract(epoch FROM started_at)::float8 AS at FROM sweeper_sweeps
      WHERE trigger = 'cron' ORDER BY started_at`);
  await waitFor(
    'the ticks',
    async () => {
      const seen = await ticks();
      return seen.length > 0 && seen.at(-1)!.at - seen[0]!.at > (TICKS - 1.5) * 60;
    },
    { timeoutMs: 120_000 },
  );
  const begun = (await ticks()).map(({ at }) => at);
  expect(notOnceAMinute(begun)).toEqual([]);
  // On a busy machine one is late, which the daemons say: it is never said of one that had begun.
  for (const { dueAt, lateMs } of [first, second].flatMap((daemon) => daemon.events('sweep.tick_missed'))) {
    const [from, until] = [Date.parse(dueAt) / 1000, (Date.parse(dueAt) + lateMs / 2) / 1000];
    expect(begun.filter((at) => at >= from && at < until)).toEqual([]);
  }
  await stop(first, second);
}, 180_000);

test('a tick that is swept twice and one that is left out are noticed', () => {
  expect(notOnceAMinute([3, 61, 179, 182])).toEqual([]);
  expect(notOnceAMinute([3, 61, 64, 124])).toEqual(['0 min from one to the next']);
  expect(notOnceAMinute([3, 61, 182])).toEqual(['2 min from one to the next']);
});

test('a daemon that starts while the start-up sweep of another runs does not add one of its own', async () => {
  await seedDelegation(database, { silentSeconds: 700 });
  await database.query(`
    CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock_shared(4242); RETURN NEW; END $$;
    CREATE TRIGGER gate BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION gate()`);
  const keeper = await database.connect();
  await keeper.query('SELECT pg_advisory_lock(4242)');
  await using first = startDaemon(database.url, TICKLESS);
  await waitFor('the first in the middle of its sweep', async () => {
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`;
    return (await database.query(waiting)).length > 0;
  });

  const named = new URL(database.url);
  named.searchParams.set('application_name', 'second');
  await using second = startDaemon(named.href, TICKLESS);
  await waitFor('the second to look for work', async () => {
    // It has fetched by then; between two polls this stays the session's last statement for a while.
    const looking = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'second' AND query ~ 'j.start_after <= clock.now'`;
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
