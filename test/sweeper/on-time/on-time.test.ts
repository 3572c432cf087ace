import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../../src/db/database.ts';
import { Availability } from '../../../src/outage/availability.ts';
import { Beat } from '../../../src/sweeper/observed-time/beat.ts';
import { Looks } from '../../../src/sweeper/on-time/looks.ts';
import { OnTime } from '../../../src/sweeper/on-time/on-time.ts';
import { Sweeper } from '../../../src/sweeper/sweeper.ts';
import type { SweeperOptions } from '../../../src/sweeper/sweeper-options.ts';
import { TcpProxy } from '../../chaos/tcp-proxy.ts';
import { markingBackends, slowMarks } from '../../support/faults.ts';
import { capturedLog, seedDelegation, sweeperDefaults, testLedger, testSweeper } from '../../support/fixtures.ts';
import { addressOf, proxied } from '../../support/proxied.ts';
import { seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

/** Generous: the machine is shared. */
const SOON_MS = 10_000;

/**
 * A daemon's sweeps between the ticks, without the ticks. Default: with the sweep at start, and without beats. `leavesBeat`:
 * one, after which no other comes for ten seconds.
 */
async function startOnTime(
  options: Partial<SweeperOptions>,
  url = database.url,
  { sweepsAtStart = true, leavesBeat = false } = {},
) {
  const capture = capturedLog();
  const handle = openDatabase({
    location: { url },
    max: 4,
    applicationName: 'on time',
    queryTimeoutMs: 60_000,
    schema: 'public',
  });
  const all = { ...sweeperDefaults, ...options };
  const beat = leavesBeat ? new Beat(handle.db, capture.log, all.stuckAfterMs) : undefined;
  const sweeper = new Sweeper(handle.db, capture.log, all, undefined, beat);
  const service = new OnTime(new Looks(handle.db, all), sweeper, new Availability(capture.log), beat);
  await beat?.leave();
  if (sweepsAtStart) await sweeper.sweep({ trigger: 'startup' });
  await service.start();
  return {
    ...capture,
    sweeper,
    stop: () => service.stop(),
    [Symbol.asyncDispose]: async () => {
      await service.stop();
      await handle[Symbol.asyncDispose]();
    },
  };
}

interface Marked {
  readonly status: string;
  /** By how long after it was due it was marked. */
  readonly lateMs: number;
}

async function marked(id: string, stuckAfterMs: number): Promise<Marked> {
  return waitFor(`${id} to be marked`, async () => {
    const [row] = await database.query<Marked>(
      `SELECT status, (extract(epoch FROM finished_at - CASE status WHEN 'stuck'
         THEN last_heartbeat + $2::float8 * interval '1 millisecond' ELSE deadline END) * 1000)::float8 AS "lateMs"
       FROM delegations WHERE delegation_id = $1 AND finished_at IS NOT NULL`,
      [id, stuckAfterMs],
    );
    return row;
  });
}

/** Sweeps that were recorded between the ticks. */
async function dueSweeps(): Promise<number> {
  const [row] = await database.query<{ sweeps: number }>(
    `SELECT coalesce(sum(sweeps), 0)::int AS sweeps FROM sweeper_sweeps WHERE trigger = 'due'`,
  );
  return row!.sweeps;
}

describe('between the ticks', () => {
  test('a delegation that falls silent is marked stuck, and the sweep names its trigger', async () => {
    const id = await seedDelegation(database, { silentSeconds: 3 });
    await using daemon = await startOnTime({ stuckAfterMs: 5_000 });
    const { status, lateMs } = await marked(id, 5_000);
    expect(status).toBe('stuck');
    expect(lateMs).toBeGreaterThan(0);
    expect(lateMs).toBeLessThan(SOON_MS);
    await waitFor('the log', () => daemon.events('sweep.completed').length > 1);
    expect(daemon.events('sweep.completed').map(({ trigger, stuck }) => ({ trigger, stuck }))).toEqual([
      { trigger: 'startup', stuck: 0 },
      { trigger: 'due', stuck: 1 },
    ]);
  });

  test('also one that began after the look, with a threshold of a second', async () => {
    await using daemon = await startOnTime({ stuckAfterMs: 1_000 });
    const { ledger } = testLedger(database.db);
    const delegationId = randomUUID();
    await ledger.insert({ delegationId, callerId: 'caller', calleeId: 'callee', taskPreview: 'task' });
    await ledger.setStatus(delegationId, 'in_progress');
    const { status, lateMs } = await marked(delegationId, 1_000);
    expect(status).toBe('stuck');
    expect(lateMs).toBeLessThan(SOON_MS);
    expect(daemon.events('sweep.failed')).toEqual([]);
  });

  test('a deadline fails its delegation, whatever its status', async () => {
    await using daemon = await startOnTime({});
    const ids = await Promise.all(
      (['queued', 'dispatched', 'in_progress'] as const).map((status) =>
        seedDelegation(database, { status, deadlineSeconds: 2 }),
      ),
    );
    for (const id of ids) {
      const { status, lateMs } = await marked(id, 600_000);
      expect(status).toBe('failed');
      expect(lateMs).toBeLessThan(SOON_MS);
    }
    expect(daemon.events('sweep.failed')).toEqual([]);
  });

  test('a threshold of its own, a lack of progress and a wait that has passed are found on time, too', async () => {
    await using daemon = await startOnTime({});
    const { ledger } = testLedger(database.db);
    const begin = async ({ stuckAfterMs, stalledAfterMs }: { stuckAfterMs?: number; stalledAfterMs?: number }) => {
      const delegationId = randomUUID();
      await database.query(
        `SELECT delegation_insert($1, 'caller', 'callee', 'task', stuck_after_ms => $2, stalled_after_ms => $3)`,
        [delegationId, stuckAfterMs ?? null, stalledAfterMs ?? null],
      );
      await ledger.setStatus(delegationId, 'in_progress');
      return delegationId;
    };
    const silent = await begin({ stuckAfterMs: 1_000 });
    const stalled = await begin({ stalledAfterMs: 1_500 });
    const waiting = await begin({ stuckAfterMs: 1_000 });
    await database.query(`SELECT delegation_wait($1, clock_timestamp() + interval '2 seconds', 'a person')`, [waiting]);
    const markedAfterMs = (id: string) =>
      waitFor(`${id} to be stuck`, async () => {
        const [row] = await database.query<{ ms: number }>(
          `SELECT (extract(epoch FROM finished_at - last_heartbeat) * 1000)::float8 AS ms
           FROM delegations WHERE delegation_id = $1 AND status = 'stuck'`,
          [id],
        );
        return row?.ms;
      });
    expect(await markedAfterMs(silent)).toBeLessThan(1_000 + SOON_MS);
    expect(await markedAfterMs(stalled)).toBeLessThan(1_500 + SOON_MS);
    expect(await markedAfterMs(waiting)).toBeGreaterThan(3_000);
    expect(await markedAfterMs(waiting)).toBeLessThan(3_000 + SOON_MS);
    expect(daemon.events('sweep.failed')).toEqual([]);
  });

  test('one sweep marks what comes due at one instant, however many daemons run', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => seedDelegation(database, { silentSeconds: 0 })));
    await database.query('UPDATE delegations SET last_heartbeat = (SELECT max(last_heartbeat) FROM delegations)');
    await using first = await startOnTime({ stuckAfterMs: 4_000 });
    await using second = await startOnTime({ stuckAfterMs: 4_000 });
    await using third = await startOnTime({ stuckAfterMs: 4_000 });
    await Promise.all(ids.map((id) => marked(id, 4_000)));
    const completed = () => [first, second, third].flatMap(({ events }) => events('sweep.completed'));
    await waitFor('the sweep to end', () => completed().some(({ trigger }) => trigger === 'due'));
    expect(completed().filter(({ trigger }) => trigger === 'due')).toMatchObject([{ stuck: 20 }]);
    expect(await dueSweeps()).toBe(1);
  });

  test('sweeps are at least a second apart, by whichever daemon', async () => {
    const ids = await Promise.all(
      Array.from({ length: 30 }, (_, i) => seedDelegation(database, { silentSeconds: 1 - i / 10 })),
    );
    await using _first = await startOnTime({ stuckAfterMs: 2_000 });
    await using _second = await startOnTime({ stuckAfterMs: 2_000 });
    const late = await Promise.all(ids.map((id) => marked(id, 2_000)));
    expect(Math.max(...late.map(({ lateMs }) => lateMs))).toBeLessThan(SOON_MS);
    const marks = await database.query<{ ms: number }>(
      `SELECT DISTINCT (detail ->> 'sweepId') AS id, (extract(epoch FROM min(created_at)) * 1000)::float8 AS ms
       FROM activity_logs WHERE actor = 'sweeper' GROUP BY 1 ORDER BY 2`,
    );
    expect(marks.length).toBeGreaterThan(1);
    expect(await dueSweeps()).toBeLessThanOrEqual(5);
  });

  test('a daemon that died with the lease delays the others by seconds', async () => {
    const id = await seedDelegation(database, { silentSeconds: 3 });
    await using daemon = await startOnTime({ stuckAfterMs: 4_000 });
    await database.query(`UPDATE sweeper_state SET sweep_id = 'of the dead', tick_sweep_id = 'a tick'`);
    const { status, lateMs } = await marked(id, 4_000);
    expect(status).toBe('stuck');
    expect(lateMs).toBeLessThan(SOON_MS);
    expect(daemon.events('sweep.failed')).toEqual([]);
  });

  test('a long sweep of another daemon’s tick keeps its lease, and what comes due is marked after it', async () => {
    const slow = await slowMarks(database, 400);
    const others = await Promise.all(Array.from({ length: 24 }, () => seedDelegation(database, { silentSeconds: 60 })));
    const { sweeper, events } = testSweeper(database.db, { stuckAfterMs: 4_000, batchRowsMax: 1 });
    await using daemon = await startOnTime({ stuckAfterMs: 50_000_000 });
    const tick = sweeper.sweep({ trigger: 'cron' });
    const id = await seedDelegation(database, { deadlineSeconds: 1 });
    const summary = await tick;
    await slow.undo();
    expect(summary).toMatchObject({ stuck: others.length, truncated: false });
    expect(events('sweep.superseded')).toEqual([]);
    expect((await marked(id, 4_000)).status).toBe('failed');
    expect(daemon.events('sweep.failed')).toEqual([]);
  });

  test('what a daemon missed that died between look and sweep is found by the tick', async () => {
    const id = await seedDelegation(database, { silentSeconds: 10 });
    await database.query(`UPDATE sweeper_state SET sweep_id = 'of the dead'`);
    const { sweeper } = testSweeper(database.db, { stuckAfterMs: 4_000 });
    expect((await sweeper.sweep({ trigger: 'cron' })).stuck).toBe(1);
    expect((await marked(id, 4_000)).status).toBe('stuck');
  });

  test('its sweeps count neither for readiness nor for the watch over the ticks', async () => {
    const id = await seedDelegation(database, { silentSeconds: 3 });
    await using daemon = await startOnTime({ stuckAfterMs: 4_000 });
    const state = async () =>
      (
        await database.query<{ tick: string; last: string; sweptAt: Date }>(
          `SELECT coalesce(tick_sweep_id, sweep_id) AS tick, sweep_id AS last, swept_at AS "sweptAt" FROM sweeper_state`,
        )
      )[0]!;
    const before = await state();
    await marked(id, 4_000);
    await waitFor('the sweep to end', async () => (await dueSweeps()) === 1);
    const after = await state();
    expect(after).toEqual({ ...before, last: expect.any(String) });
    expect(after.last).not.toBe(before.last);
    const { sweepId } = await daemon.sweeper.sweep({ trigger: 'cron' });
    expect(await state()).toMatchObject({ tick: sweepId, last: sweepId });
  });

  test('the database away and back: logged once, and what came due meanwhile is marked', async () => {
    await using proxy = await TcpProxy.open(() => addressOf(database.url));
    await using daemon = await startOnTime({ stuckAfterMs: 2_000 }, proxied(database.url, proxy));
    const id = await seedDelegation(database, { silentSeconds: 0 });
    proxy.cut();
    await waitFor('the outage', () => daemon.events('database.unavailable').length > 2);
    proxy.restore();
    expect((await marked(id, 2_000)).status).toBe('stuck');
    expect(daemon.events('database.recovered')).toHaveLength(1);
    expect(daemon.events('sweep.failed')).toEqual([]);
  });

  test('an outage between two beats does not count as silence of a delegation with a short threshold', async () => {
    await using proxy = await TcpProxy.open(() => addressOf(database.url));
    await using daemon = await startOnTime({}, proxied(database.url, proxy), { leavesBeat: true });
    const id = await seedSpecial(database, { stuckAfterMs: 3_000 });
    proxy.cut();
    await waitFor('its threshold to pass', async () => {
      const due = `SELECT FROM delegations WHERE last_heartbeat + interval '3500 ms' < clock_timestamp()`;
      return daemon.events('database.unavailable').length > 0 && (await database.query(due)).length > 0;
    });
    proxy.restore();
    expect((await marked(id, 3_000)).status).toBe('stuck');
    expect(daemon.events('sweep.unobserved')).toHaveLength(1);
    const [row] = await database.query<{ ms: number }>(
      `SELECT (extract(epoch FROM finished_at - gap_end) * 1000)::float8 AS ms FROM delegations, sweeper_gaps`,
    );
    expect(row!.ms).toBeGreaterThanOrEqual(3_000);
  });

  test('an error that is the look’s alone is no outage', async () => {
    await using daemon = await startOnTime({}, database.url, { leavesBeat: true });
    await database.query('ALTER TABLE sweeper_sweeps RENAME COLUMN duration_ms TO renamed');
    await waitFor('a look to fail', () => daemon.events('database.refused').length > 0);
    await database.query('ALTER TABLE sweeper_sweeps RENAME COLUMN renamed TO duration_ms');
    const id = await seedSpecial(database, { stuckAfterMs: 1_000, silentSeconds: 0.5 });
    expect((await marked(id, 1_000)).status).toBe('stuck');
    expect(daemon.events('sweep.unobserved')).toEqual([]);
  });

  test('what a sweep did not reach before its daemon stopped is marked by another daemon, without a tick', async () => {
    const slow = await slowMarks(database, 200);
    await using stopping = await startOnTime({ stuckAfterMs: 2_000, batchRowsMax: 1 });
    const ids = await Promise.all(Array.from({ length: 20 }, () => seedDelegation(database, { silentSeconds: 1 })));
    await waitFor('a mark', async () => (await markingBackends(database)).length > 0);
    await stopping.stop();
    await slow.undo();
    await using _other = await startOnTime({ stuckAfterMs: 2_000 }, database.url, { sweepsAtStart: false });
    const all = await Promise.all(ids.map((id) => marked(id, 2_000)));
    expect(all.every(({ status }) => status === 'stuck')).toBe(true);
    const sweeps = await database.query<{ trigger: string }>('SELECT trigger FROM sweeper_sweeps ORDER BY trigger');
    expect(new Set(sweeps.map(({ trigger }) => trigger))).toEqual(new Set(['due', 'startup']));
  });

  test('a sweep under way is cancelled when the daemon stops, and what it had marked stays', async () => {
    const slow = await slowMarks(database, 200);
    await using daemon = await startOnTime({ stuckAfterMs: 2_000, batchRowsMax: 1 });
    const ids = await Promise.all(Array.from({ length: 20 }, () => seedDelegation(database, { silentSeconds: 1 })));
    await waitFor('a mark', async () => (await markingBackends(database)).length > 0);
    await daemon.stop();
    await slow.undo();
    const [row] = await database.query<{ left: number }>(
      `SELECT count(*)::int AS left FROM delegations WHERE status = 'in_progress'`,
    );
    expect(row!.left).toBeGreaterThan(0);
    expect(row!.left).toBeLessThanOrEqual(ids.length);
    expect(daemon.events('sweep.completed').at(-1)).toMatchObject({ trigger: 'due', truncated: true });
  });
});
