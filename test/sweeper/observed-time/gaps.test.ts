import { describe, expect, test } from '@jest/globals';
import { horizonOf, unobserved } from '../../../src/sweeper/horizon.ts';
import { Beat } from '../../../src/sweeper/observed-time/beat.ts';
import { ObservedTime } from '../../../src/sweeper/observed-time/observed-time.ts';
import { Sweeper } from '../../../src/sweeper/sweeper.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { capturedLog, seedDelegation, sweeperDefaults, testLedger, testSweeper } from '../../support/fixtures.ts';
import { seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const stuckAfterMs = 600_000;

function daemon(thresholdMs = stuckAfterMs) {
  const capture = capturedLog();
  return { beat: new Beat(database.db, capture.log, thresholdMs), ...capture };
}

interface GapRow {
  readonly start: Date;
  readonly seconds: number;
}

const gaps = () =>
  database.query<GapRow>(`
    SELECT gap_start AS start, extract(epoch FROM gap_end - gap_start)::float8 AS seconds FROM sweeper_gaps ORDER BY gap_end`);

/** As if everything in the database had been written that much earlier. */
const letTimePass = (seconds: number) => moveBack(`$1::float8 * interval '1 second'`, seconds);

/** The same, until the last beat is that old, however long the test has taken since. */
const letBeatAge = (seconds: number) =>
  moveBack(`(SELECT $1::float8 * interval '1 second' - (clock_timestamp() - beat_at) FROM sweeper_state)`, seconds);

const moveBack = (by: string, seconds: number) =>
  database.query(
    `WITH by AS (SELECT ${by} AS passed),
      s AS (UPDATE sweeper_state SET beat_at = beat_at - passed FROM by),
      g AS (UPDATE sweeper_gaps SET gap_start = gap_start - passed, gap_end = gap_end - passed FROM by)
     UPDATE delegations SET last_heartbeat = last_heartbeat - passed FROM by`,
    [seconds],
  );

/** No daemon leaves a beat, while this agent goes on sending heartbeats. */
const heartbeat = (delegationId: string) =>
  testLedger(database.db, { heartbeatMinIntervalMs: 1 }).ledger.heartbeat(delegationId);

const sweep = (thresholdMs = stuckAfterMs) =>
  testSweeper(database.db, { stuckAfterMs: thresholdMs }).sweeper.sweep({ trigger: 'manual' });
const statusOf = async (delegationId: string) => (await testLedger(database.db).ledger.get(delegationId))?.status;

describe('the beat', () => {
  test('the first beat ever makes no gap', async () => {
    const { beat, events } = daemon();
    await beat.leave();
    expect(await gaps()).toEqual([]);
    expect(events('sweep.unobserved')).toEqual([]);
  });

  test('regular beats, and a rolling restart, make no gap', async () => {
    await daemon().beat.leave();
    for (const seconds of [10, 10, 29]) {
      await letBeatAge(seconds);
      await daemon().beat.leave();
    }
    expect(await gaps()).toEqual([]);
  });

  test('the database away for an hour is one gap, logged once', async () => {
    await daemon().beat.leave();
    await letTimePass(3600);
    const { beat, events } = daemon();
    await beat.leave();
    await beat.leave();
    const [gap, ...others] = await gaps();
    expect(others).toEqual([]);
    expect(gap!.seconds).toBeGreaterThanOrEqual(3600);
    const [said, ...more] = events('sweep.unobserved');
    expect(more).toEqual([]);
    expect(said).toMatchObject({ level: 'warn', gapStart: gap!.start.toISOString() });
    expect(said!.gapMs).toBe(Math.floor(gap!.seconds * 1000));
    expect(Date.parse(said!.gapEnd as string) - Date.parse(said!.gapStart as string)).toBeCloseTo(
      said!.gapMs as number,
      -1,
    );
  });

  test('a shorter outage that a beat met is one, too: a delegation’s own threshold may be as short', async () => {
    const { beat, log, events } = daemon();
    await beat.leave();
    const delegationId = await seedSpecial(database, { stuckAfterMs: 5_000 });
    await database.query('ALTER TABLE delegations RENAME TO away');
    await expect(beat.leave()).rejects.toThrow('delegations');
    await database.query('ALTER TABLE away RENAME TO delegations');
    await letTimePass(20);
    await database.query(`UPDATE delegations SET suspect_at = suspect_at - interval '20 seconds'`);
    // Before the next beat.
    const sweeper = new Sweeper(database.db, log, sweeperDefaults, undefined, beat);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0 });
    expect(await statusOf(delegationId)).toBe('in_progress');
    expect((await gaps()).map(({ seconds }) => Math.floor(seconds / 10))).toEqual([2]);
    expect(events('sweep.unobserved')).toHaveLength(1);
    await letTimePass(6);
    await database.query(`UPDATE delegations SET suspect_at = suspect_at - interval '6 seconds'`);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1 });
  });

  test.each([
    { thresholdMs: stuckAfterMs, seconds: 27, isGap: false },
    { thresholdMs: stuckAfterMs, seconds: 33, isGap: true },
    { thresholdMs: stuckAfterMs, seconds: 3600, isGap: true },
    { thresholdMs: 20_000, seconds: 4.5, isGap: false },
    { thresholdMs: 20_000, seconds: 7.5, isGap: true },
  ])(
    'what a sweep takes for an open gap is what the next beat records: $seconds s with a threshold of $thresholdMs ms',
    async ({ thresholdMs, seconds, isGap }) => {
      await daemon(thresholdMs).beat.leave();
      await letBeatAge(seconds);
      const observed = new ObservedTime(database.db, sweeperTables(database.db));
      const judged = async () => {
        const reading = await observed.read();
        const found = unobserved(reading, thresholdMs);
        return { found, nowUs: reading.nowUs, atUs: horizonOf(reading.nowUs, thresholdMs, found).atUs };
      };
      const before = await judged();
      await daemon(thresholdMs).beat.leave();
      const after = await judged();
      for (const { found } of [before, after]) expect(found).toHaveLength(isGap ? 1 : 0);
      expect(after.found[0]?.startUs).toBe(before.found[0]?.startUs);
      // Nothing has been observed more but the moments since.
      expect(after.atUs - before.atUs).toBeGreaterThanOrEqual(0);
      expect(after.atUs - before.atUs).toBeLessThanOrEqual(after.nowUs - before.nowUs);
    },
  );

  test('two daemons that return at once record one gap, and one of them logs it', async () => {
    await daemon().beat.leave();
    await letTimePass(3600);
    // Both statements have begun before either can lock: the one that waits must read the row again after its wait.
    const gate = await database.connect();
    await gate.query('BEGIN; SELECT FROM sweeper_state FOR UPDATE');
    const returning = [daemon(), daemon()];
    const beats = returning.map(({ beat }) => beat.leave());
    await waitUntilWaiting(database, 2);
    await gate.query('COMMIT');
    await Promise.all(beats);
    expect(await gaps()).toHaveLength(1);
    expect(returning.flatMap(({ events }) => events('sweep.unobserved'))).toHaveLength(1);
  });

  test('a daemon with a threshold shorter than a beat sees gaps of three of its own, shorter beats', async () => {
    await daemon(2_000).beat.leave();
    await letTimePass(1);
    const { beat } = daemon(2_000);
    expect(beat.intervalMs).toBe(200);
    await beat.leave();
    expect((await gaps())[0]!.seconds).toBeGreaterThanOrEqual(1);
  });

  test('old gaps are deleted, the ones that a horizon can still reach are not', async () => {
    await database.query(`INSERT INTO sweeper_gaps
      SELECT clock_timestamp() - days * interval '1 day' - interval '1 hour', clock_timestamp() - days * interval '1 day'
      FROM unnest('{29, 31, 40}'::int[]) days`);
    const { beat } = daemon();
    await beat.leave();
    // Without a new gap: a daemon that watches all the time must not read old ones at each sweep.
    expect(await gaps()).toHaveLength(1);
    await letTimePass(60);
    await beat.leave();
    // Of 30 observed days, 40 calendar days ago is out of reach; 31 may be too, by the hours of the gaps between.
    const left = await gaps();
    const ages = left.map(({ start }) => Math.floor((Date.now() - start.getTime()) / 86_400_000));
    expect(ages).toEqual([29, 0]);
  });

  test('a lost state row is reported, and not treated as calm', async () => {
    await database.query('DELETE FROM sweeper_state');
    await expect(daemon().beat.leave()).rejects.toThrow('sweeper_state');
  });
});

describe('a sweep after a gap', () => {
  test('an hour without the database: living agents have a whole threshold to be heard, those dead before it are marked at once', async () => {
    const dead = await seedDelegation(database, { silentSeconds: 601 });
    const living = await seedDelegation(database, { silentSeconds: 5 });
    const half = await seedDelegation(database, { silentSeconds: 300 });
    await daemon().beat.leave();
    await letTimePass(3600);
    await daemon().beat.leave();
    const summary = await sweep();
    expect(summary).toMatchObject({ stuck: 1 });
    expect(summary.unobservedMs).toBeGreaterThanOrEqual(3_600_000);
    expect(await statusOf(dead)).toBe('stuck');

    await heartbeat(living);
    // In steps of a beat: daemons run again.
    for (let i = 0; i < 25; i += 1) {
      await letBeatAge(10);
      await daemon().beat.leave();
    }
    expect(await sweep()).toMatchObject({ stuck: 0 });
    for (let i = 0; i < 10; i += 1) {
      await letBeatAge(10);
      await daemon().beat.leave();
    }
    expect(await sweep()).toMatchObject({ stuck: 1 });
    expect(await statusOf(half)).toBe('stuck');
    expect(await statusOf(living)).toBe('in_progress');
  });

  test('no daemon for a night while agents worked on: only those silent since before the night are marked', async () => {
    const dead = await seedDelegation(database, { silentSeconds: 900, deadlineSeconds: 1e6 });
    const worker = await seedDelegation(database, { silentSeconds: 0, deadlineSeconds: 1e6 });
    const diedAtMidnight = await seedDelegation(database, { silentSeconds: 0, deadlineSeconds: 1e6 });
    await daemon().beat.leave();
    await letTimePass(5 * 3600);
    await heartbeat(worker);
    await heartbeat(diedAtMidnight);
    await letTimePass(5 * 3600);
    await heartbeat(worker);
    await daemon().beat.leave();
    expect(await sweep()).toMatchObject({ stuck: 1 });
    expect(await statusOf(dead)).toBe('stuck');

    for (let i = 0; i < 35; i += 1) {
      await letBeatAge(20);
      await heartbeat(worker);
      await daemon().beat.leave();
    }
    expect(await sweep()).toMatchObject({ stuck: 1 });
    expect(await statusOf(diedAtMidnight)).toBe('stuck');
    expect(await statusOf(worker)).toBe('in_progress');
  });

  test('two gaps inside one threshold are both left out', async () => {
    const silent = await seedDelegation(database);
    await daemon().beat.leave();
    for (let outage = 0; outage < 2; outage += 1) {
      await letTimePass(400);
      await daemon().beat.leave();
    }
    expect(await gaps()).toHaveLength(2);
    const summary = await sweep();
    expect(summary).toMatchObject({ stuck: 0 });
    expect(summary.unobservedMs).toBeGreaterThanOrEqual(800_000);
    expect(await statusOf(silent)).toBe('in_progress');
  });

  test('the deadline is an instant: a gap does not move it', async () => {
    const overdue = await seedDelegation(database, { deadlineSeconds: -1 });
    await daemon().beat.leave();
    await letTimePass(3600);
    expect(await sweep()).toMatchObject({ failed: 1 });
    expect(await statusOf(overdue)).toBe('failed');
  });

  test('a one-shot sweep counts the gap that is still open, and makes none', async () => {
    await seedDelegation(database, { silentSeconds: 5 });
    await daemon().beat.leave();
    await letTimePass(3600);
    const summary = await sweep();
    expect(summary).toMatchObject({ stuck: 0, remaining: 0 });
    expect(summary.unobservedMs).toBeGreaterThanOrEqual(3_600_000);
    expect((await testSweeper(database.db).sweeper.dryRun()).unobservedMs).toBeGreaterThanOrEqual(3_600_000);
    expect(await gaps()).toEqual([]);
    await daemon().beat.leave();
    expect(await gaps()).toHaveLength(1);
    expect(await sweep()).toMatchObject({ stuck: 0 });
  });

  test('where no daemon has ever left a beat, a one-shot sweep counts all time as observed', async () => {
    await seedDelegation(database, { silentSeconds: 700 });
    expect(await sweep()).toMatchObject({ stuck: 1, unobservedMs: 0 });
  });

  test('a threshold shorter than ten seconds: seconds without a beat do not mark living agents', async () => {
    const living = await seedDelegation(database, { silentSeconds: 0 });
    await daemon(5_000).beat.leave();
    await letTimePass(7);
    expect(await sweep(5_000)).toMatchObject({ stuck: 0 });
    await daemon(5_000).beat.leave();
    expect(await sweep(5_000)).toMatchObject({ stuck: 0 });
    expect(await statusOf(living)).toBe('in_progress');
  });
});
