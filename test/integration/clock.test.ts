import { expect, test } from '@jest/globals';
import { startDaemon } from '../support/daemon.ts';
import { createTestDatabase } from '../support/database.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { expectReplayed } from '../support/replay.ts';
import { notEndedOnce } from '../support/seed-fleet.ts';

const HOUR_MS = 3_600_000;
/** A tick comes every minute. */
const TICK_TIMEOUT_MS = 110_000;
const shiftedClock = new URL('../support/shifted-clock.ts', import.meta.url);

/** What a daemon with this clock does, at its start and on a tick. */
async function live(env: { CLOCK_SHIFT_MS: string; CLOCK_STEP_MS?: string }) {
  await using database = await createTestDatabase();
  const { ledger } = testLedger(database.db);
  const living = await seedDelegation(database, { silentSeconds: 300 });
  const stale = await seedDelegation(database, { silentSeconds: 700 });
  const overdue = await seedDelegation(database, { deadlineSeconds: -60 });
  const notYetDue = await seedDelegation(database, { deadlineSeconds: 600 });
  await using daemon = startDaemon(database.url, env, { preloads: [shiftedClock] });

  const startup = await daemon.until('sweep.completed');
  if (env.CLOCK_STEP_MS) daemon.child.kill('SIGUSR2');
  const later = await seedDelegation(database, { silentSeconds: 700 });
  const tick = await daemon.until('sweep.completed', ({ trigger, stuck }) => trigger === 'cron' && stuck > 0, {
    timeoutMs: TICK_TIMEOUT_MS,
  });
  await daemon.until('clock.skewed');
  expect(startup).toMatchObject({ trigger: 'startup', stuck: 1, failed: 1, unobservedMs: 0 });
  expect(tick).toMatchObject({ stuck: 1, failed: 0, unobservedMs: 0 });
  const statuses = [living, stale, overdue, notYetDue, later].map(async (id) => (await ledger.get(id))?.status);
  expect(await Promise.all(statuses)).toEqual(['in_progress', 'stuck', 'failed', 'in_progress', 'stuck']);
  for (const { silentMs } of daemon.events('delegation.stuck')) {
    expect(silentMs).toBeGreaterThanOrEqual(700_000);
    expect(silentMs).toBeLessThan(700_000 + TICK_TIMEOUT_MS);
  }
  // Stored instants are on the database's clock.
  const [{ off }] = (await database.query<{ off: number }>(`
    SELECT count(*)::int AS off FROM delegations, sweeper_state, sweeper_sweeps
    WHERE abs(extract(epoch FROM clock_timestamp() - coalesce(finished_at, clock_timestamp()))) > 300
      OR abs(extract(epoch FROM clock_timestamp() - beat_at)) > 300
      OR abs(extract(epoch FROM clock_timestamp() - started_at)) > 300`)) as [{ off: number }];
  expect(off).toBe(0);
  expect(daemon.events('sweep.unobserved')).toEqual([]);
  expect(daemon.events('pgboss.warning')).toEqual([]);
  expect(await notEndedOnce(database)).toEqual([]);
  await expectReplayed(database);
  const skews = daemon.events('clock.skewed').map(({ skewMs }) => skewMs);
  daemon.child.kill('SIGTERM');
  expect((await daemon.child.exit).code).toBe(0);
  return skews;
}

test("the daemon's clock an hour off, or set back while it runs, changes nothing, and is logged once", async () => {
  const [ahead, behind, setBack] = await Promise.all([
    live({ CLOCK_SHIFT_MS: String(HOUR_MS) }),
    live({ CLOCK_SHIFT_MS: String(-HOUR_MS) }),
    live({ CLOCK_SHIFT_MS: '0', CLOCK_STEP_MS: String(-HOUR_MS) }),
  ]);
  expect(ahead).toHaveLength(1);
  expect(Math.abs(ahead[0]! - HOUR_MS)).toBeLessThan(5_000);
  expect(behind).toHaveLength(1);
  expect(Math.abs(behind[0]! + HOUR_MS)).toBeLessThan(5_000);
  expect(setBack).toHaveLength(1);
  expect(Math.abs(setBack[0]! + HOUR_MS)).toBeLessThan(5_000);
}, 180_000);
