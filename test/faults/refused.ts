import { expect } from '@jest/globals';
import { seedDelegation } from '../support/fixtures.ts';
import { waitFor } from '../support/wait-for.ts';
import type { FasterDaemon } from './faster-daemon.ts';

const MINUTE_MS = 60_000;
const RETRY_MAX_MS = 10_000;
const PATIENCE = { timeoutMs: 240_000 };

/** A threshold that an outage of a few minutes exceeds. */
export const REFUSED_ENV = { STUCK_AFTER: '2m' };
const STUCK_AFTER_SECONDS = 120;

const recoveries = (daemon: FasterDaemon['daemon']) => daemon.events('database.recovered');

/**
 * The server refuses the whole daemon for so long, and its agents. It tries on with bounded waits, says so once, answers
 * its probes, and afterwards sweeps, serves and marks as before, without having taken the outage for silence.
 */
export async function refusedFor(minutes: number, faster: FasterDaemon): Promise<void> {
  const { database, proxy, daemon, now, answer } = faster;
  await daemon.until('sweep.completed', undefined, PATIENCE);
  await waitFor('readiness', async () => (await answer('/readyz')) === 200, PATIENCE);
  const living = await seedDelegation(database, { deadlineSeconds: 86_400 });
  // On a slow machine the start itself may have met time limits.
  const before = { outages: daemon.events('database.unavailable').length, ends: recoveries(daemon).length };
  const errorsBefore = daemon.events('pgboss.error').length;
  const cutAt = await now();
  proxy.cut();
  const passed = async () => (await now()) - cutAt;
  await waitFor('the outage to last', async () => (await passed()) > minutes * MINUTE_MS, {
    timeoutMs: minutes * MINUTE_MS,
  });

  expect([await answer('/livez'), await answer('/readyz'), await answer('/metrics')]).toEqual([200, 503, 200]);
  expect(recoveries(daemon)).toHaveLength(before.ends);
  const attempts = daemon.events('database.unavailable').slice(before.outages);
  // One service logs for all.
  expect(attempts.map(({ attempt }) => attempt)).toEqual(attempts.map((_, i) => attempts[0]!.attempt + i));
  for (const { retryInMs } of attempts) expect(retryInMs).toBeLessThan(RETRY_MAX_MS);
  expect(attempts.length).toBeGreaterThan(minutes);
  expect(attempts.length).toBeLessThan((minutes * MINUTE_MS) / 2_500 + 10);
  const errors = Map.groupBy(
    daemon.events('pgboss.error').slice(errorsBefore),
    ({ err: { code, message } }) => code ?? message,
  );
  for (const [, said] of errors) expect(said.length).toBeLessThanOrEqual(minutes + 2);

  proxy.restore();
  const { time, outageMs } = await waitFor('the end of the outage', () => recoveries(daemon)[before.ends], PATIENCE);
  expect(outageMs).toBeGreaterThan((minutes - 1) * MINUTE_MS);
  await daemon.until('sweep.completed', (sweep) => sweep.trigger === 'cron' && sweep.time > time, PATIENCE);
  await waitFor('readiness again', async () => (await answer('/readyz')) === 200, PATIENCE);
  await daemon.until('delegation.stuck', ({ delegationId }) => delegationId === living, PATIENCE);
  const [mark] = await database.query<{ observed: number; gaps: number }>(
    `SELECT extract(epoch FROM d.finished_at - d.last_heartbeat - g.length)::float8 AS observed, g.gaps
     FROM delegations d, LATERAL (SELECT sum(least(gap_end, d.finished_at) - greatest(gap_start, d.last_heartbeat)) AS length,
       count(*)::int AS gaps FROM sweeper_gaps WHERE gap_end > d.last_heartbeat AND gap_start < d.finished_at) g
     WHERE d.delegation_id = $1`,
    [living],
  );
  expect(mark!.gaps).toBeGreaterThanOrEqual(1);
  expect(mark!.observed).toBeGreaterThanOrEqual(STUCK_AFTER_SECONDS);
  expect(daemon.child.stderrLines).toEqual([]);
  daemon.child.kill('SIGTERM');
  expect(await daemon.child.exit).toEqual({ code: 0, signal: null });
}
