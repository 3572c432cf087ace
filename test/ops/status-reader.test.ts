import { describe, expect, test } from '@jest/globals';
import { censusOf } from '../../src/sweeper/status/census.ts';
import { falsePositiveRatio } from '../../src/sweeper/status/day.ts';
import { censusStatement } from '../../src/sweeper/status/statements/census.ts';
import { dayStatement } from '../../src/sweeper/status/statements/day.ts';
import { oldestStatement } from '../../src/sweeper/status/statements/oldest.ts';
import { StatusReader } from '../../src/sweeper/status/status-reader.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test', fresh: true, replayed: false });
const options = {
  cron: { expression: '*/5 * * * *', timezone: 'UTC' },
  stuckAfterMs: 600_000,
  stormMaxHoldMs: 1_800_000,
};
const reader = () => new StatusReader(database.db, options);

describe('the status', () => {
  test('of a fresh database: never swept, nothing open, nothing marked', async () => {
    const status = await reader().status();
    expect(status).toMatchObject({
      sweptAt: null,
      beatAt: null,
      stuckAfterMs: 600_000,
      storm: { state: 'calm', since: null, until: null },
      lastSweep: null,
      day: {
        sweeps: 0,
        stuck: 0,
        stalled: 0,
        failed: 0,
        retried: 0,
        lateResults: 0,
        falsePositiveRatio: null,
        unobservedMs: 0,
      },
      oldest: { silenceMs: null, allowedMs: null, overdueMs: 0 },
    });
    expect(await reader().census()).toMatchObject({
      byStatus: { queued: 0, dispatched: 0, in_progress: 0 },
      capped: false,
      waiting: 0,
      longestWaitMs: null,
      ownThreshold: 0,
    });
    expect(await reader().history()).toEqual({ bins: [], marks: [], callees: [], gaps: [] });
  });

  test('names the next tick and the third latest, by the clock of the database', async () => {
    const { now, nextAt, dueSince } = await reader().status();
    const fiveMinutes = 300_000;
    const lastTick = Math.floor(now.getTime() / fiveMinutes) * fiveMinutes;
    expect(nextAt.getTime()).toBe(lastTick + fiveMinutes);
    expect(dueSince.getTime()).toBe(lastTick - 2 * fiveMinutes);
  });

  test('gives the longest silence and the most overdue, though the history is older', async () => {
    await seedDelegation(database, { status: 'stuck', silentSeconds: 90_000, deadlineSeconds: -90_000 });
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -30 });
    await seedDelegation(database, { silentSeconds: 500 });
    await seedDelegation(database, { silentSeconds: 100 });
    const { oldest } = await reader().status();
    expect(oldest.silenceMs).toBeGreaterThanOrEqual(500_000);
    expect(oldest.silenceMs).toBeLessThan(560_000);
    expect(oldest.overdueMs).toBeGreaterThanOrEqual(30_000);
    expect(oldest.overdueMs).toBeLessThan(90_000);
  });

  test('gives the silence that is closest to its own threshold, and none of a delegation that waits', async () => {
    const own = async (silentSeconds: number, set: string) => {
      const id = await seedDelegation(database, { silentSeconds });
      await database.query(`UPDATE delegations SET ${set} WHERE delegation_id = $1`, [id]);
    };
    await seedDelegation(database, { silentSeconds: 400 });
    await own(3_000, 'stuck_after_ms = 3600000');
    await own(5_000, `waiting_since = now(), waiting_until = now() + interval '1 hour', waiting_reason = 'a person'`);
    const plain = (await reader().status()).oldest;
    expect(plain.allowedMs).toBe(600_000);
    expect(plain.silenceMs).toBeGreaterThanOrEqual(400_000);
    await own(20, 'stuck_after_ms = 15000');
    // Its threshold was lowered from ten minutes, and it was not heard since.
    expect((await reader().status()).oldest.allowedMs).toBe(600_000);
    await database.query(`UPDATE delegations SET last_heartbeat = now() WHERE stuck_after_ms = 15000`);
    await database.query(
      `UPDATE delegations SET lowered_from_ms = NULL, lowered_at = NULL WHERE stuck_after_ms = 15000`,
    );
    await database.query(
      `UPDATE delegations SET last_heartbeat = now() - interval '20 seconds' WHERE stuck_after_ms = 15000`,
    );
    const { silenceMs, allowedMs } = (await reader().status()).oldest;
    expect(allowedMs).toBe(15_000);
    expect(silenceMs).toBeGreaterThanOrEqual(20_000);
    expect(silenceMs).toBeLessThan(80_000);
  });

  test('counts the silence of a wait that ended without a resume from its end', async () => {
    const id = await seedDelegation(database, { silentSeconds: 5_000 });
    await database.query(
      `UPDATE delegations SET waiting_since = now() - interval '1 hour', waiting_until = now() - interval '70 seconds',
         waiting_reason = 'a person' WHERE delegation_id = $1`,
      [id],
    );
    const { silenceMs } = (await reader().status()).oldest;
    expect(silenceMs).toBeGreaterThanOrEqual(70_000);
    expect(silenceMs).toBeLessThan(130_000);
    expect(await reader().census()).toMatchObject({ waiting: 0, silence: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
  });

  test('shows a storm as held until its hold ends, and as released after that', async () => {
    await database.query(`UPDATE sweeper_state SET storm_held_since = '2026-07-28T12:00:00Z'`);
    expect((await reader().status()).storm).toEqual({
      state: 'held',
      since: new Date('2026-07-28T12:00:00Z'),
      until: new Date('2026-07-28T12:30:00Z'),
    });
    // Unobserved time counts towards no hold.
    await database.query(`INSERT INTO sweeper_gaps (gap_start, gap_end) VALUES
      ('2026-07-28T11:50:00Z', '2026-07-28T12:05:00Z'), ('2026-07-28T12:10:00Z', '2026-07-28T12:20:00Z')`);
    expect((await reader().status()).storm).toMatchObject({ until: new Date('2026-07-28T12:45:00Z') });
    await database.query('DELETE FROM sweeper_gaps');
    await database.query(`UPDATE sweeper_state SET storm_released_at = '2026-07-28T12:30:10Z'`);
    expect((await reader().status()).storm).toEqual({
      state: 'released',
      since: new Date('2026-07-28T12:30:10Z'),
      until: null,
    });
    // Released because only dead ones are left: they are marked as usual.
    await database.query(`UPDATE sweeper_state SET storm_released_why = 'calm'`);
    expect((await reader().status()).storm).toEqual({ state: 'calm', since: null, until: null });
  });

  test('counts the part of a gap that lies in the last day', async () => {
    await database.query(`INSERT INTO sweeper_gaps VALUES
      (clock_timestamp() - interval '25 hours', clock_timestamp() - interval '23 hours'),
      (clock_timestamp() - interval '3 days', clock_timestamp() - interval '2 days'),
      (clock_timestamp() - interval '70 seconds', clock_timestamp() - interval '10 seconds')`);
    const { day } = await reader().status();
    expect(Math.round(day.unobservedMs / 10_000)).toBe(366);
  });
});

describe('the false-positive rate', () => {
  test('is the share of delegations marked stuck that delivered a result, each counted once', async () => {
    for (let i = 0; i < 4; i += 1) await seedDelegation(database, { delegationId: `d-${i}`, silentSeconds: 700 });
    const overdue = await seedDelegation(database, { deadlineSeconds: -10 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    const { ledger } = testLedger(database.db);
    await ledger.setStatus('d-1', 'completed', { resultPreview: 'one' });
    await ledger.setStatus('d-1', 'completed', { resultPreview: 'two' });
    await ledger.setStatus(overdue, 'completed');
    const { day, lastSweep } = await reader().status();
    expect(day).toMatchObject({ sweeps: 1, stuck: 4, failed: 1, lateResults: 1, falsePositiveRatio: 0.25 });
    expect(lastSweep).toMatchObject({ trigger: 'manual', stuck: 4, failed: 1, held: false });
  });

  test('leaves out what was marked before the last day, and never exceeds one', async () => {
    await seedDelegation(database, { delegationId: 'old', silentSeconds: 700 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await database.query(`UPDATE delegations SET finished_at = clock_timestamp() - interval '25 hours'`);
    await testLedger(database.db).ledger.setStatus('old', 'completed');
    expect((await reader().status()).day).toMatchObject({ stuck: 1, lateResults: 0, falsePositiveRatio: 0 });
    expect(falsePositiveRatio({ stuck: 0, lateResults: 3 })).toBeNull();
    expect(falsePositiveRatio({ stuck: 2, lateResults: 3 })).toBe(1);
  });
});

describe('the census', () => {
  test('counts open delegations by status and silent ones by tenths of the threshold in force', async () => {
    await database.query('UPDATE sweeper_state SET stuck_after_ms = 100000');
    for (const silentSeconds of [1, 15, 15, 95, 130, 4000]) await seedDelegation(database, { silentSeconds });
    await seedDelegation(database, { status: 'queued' });
    await seedDelegation(database, { status: 'dispatched', silentSeconds: 50 });
    await seedDelegation(database, { status: 'completed', silentSeconds: 50 });
    expect(await reader().census()).toMatchObject({
      byStatus: { queued: 1, dispatched: 1, in_progress: 6 },
      capped: false,
      silence: [1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2],
    });
  });

  test('counts what waits apart from the silent, and silence in tenths of each one’s own threshold', async () => {
    const own = async (silentSeconds: number, set: string, status?: 'queued') => {
      const id = await seedDelegation(database, { silentSeconds, ...(status && { status }) });
      await database.query(`UPDATE delegations SET ${set} WHERE delegation_id = $1`, [id]);
    };
    const wait = (since: string) =>
      `waiting_since = now() - interval '${since}', waiting_until = now() + interval '1 hour', waiting_reason = 'a person'`;
    await seedDelegation(database, { silentSeconds: 90 });
    await own(90, 'stuck_after_ms = 3600000');
    await own(5_400, 'stuck_after_ms = 3600000');
    await own(4_000, wait('2 hours'));
    await own(0, wait('10 minutes'), 'queued');
    const census = await reader().census();
    expect(census).toMatchObject({
      byStatus: { queued: 1, dispatched: 0, in_progress: 4 },
      silence: [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      waiting: 2,
      ownThreshold: 2,
    });
    expect(census.longestWaitMs).toBeGreaterThanOrEqual(7_200_000);
    expect(census.longestWaitMs).toBeLessThan(7_260_000);
  });

  test('stops at its limit and shows this', async () => {
    for (let i = 0; i < 5; i += 1) await seedDelegation(database);
    const rows = await censusStatement(sweeperTables(database.db), 3).run(database.db, { stuckAfterMs: 600_000 });
    const census = censusOf(rows, new Date(), 3);
    expect(census.capped).toBe(true);
    expect(census.byStatus.in_progress).toBe(3);
  });
});

describe('what a reading costs', () => {
  async function fill(): Promise<void> {
    await database.query(`
      INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, deadline, finished_at, revision)
      SELECT 'h' || i, 'caller', 'callee', repeat('x', 100), 'completed', now() - interval '1 day', now(), 1
      FROM generate_series(1, 20000) i`);
    await database.query(`
      INSERT INTO activity_logs (delegation_id, event, to_status, actor)
      SELECT 'h' || i, 'delegation.completed', 'completed', 'test' FROM generate_series(1, 20000) i`);
    await database.query('VACUUM ANALYZE delegations, activity_logs');
  }

  interface Plan {
    readonly 'Node Type': string;
    readonly 'Relation Name'?: string;
    readonly 'Index Name'?: string;
    'Index Cond'?: string;
    readonly 'Actual Rows': number;
    readonly 'Shared Hit Blocks': number;
    readonly 'Shared Read Blocks': number;
    readonly Plans?: readonly Plan[];
  }

  async function explain(sql: string, parameters: unknown[]): Promise<Plan> {
    const client = await database.connect();
    await client.query('SET enable_seqscan = off');
    await client.query('SET enable_bitmapscan = off');
    const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`, parameters);
    await client.end();
    return rows[0]['QUERY PLAN'][0].Plan;
  }

  const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

  test('the census reads the open delegations, however long the history is', async () => {
    await fill();
    for (let i = 0; i < 20; i += 1) await seedDelegation(database);
    const plan = await explain(censusStatement(sweeperTables(database.db)).sql, [600_000]);
    expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThan(60);
  });

  test('the longest silence reads the heads of two indexes, however many rows are silent, wait or have own thresholds', async () => {
    await fill();
    await database.query(`INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat,
        stuck_after_ms, waiting_since, waiting_until, waiting_reason, revision)
      SELECT 'special-' || n, 'caller', 'callee', '', 'in_progress', now() - n * interval '1 second',
        CASE WHEN n % 2 = 0 THEN 60000 + n END, w.since, w.since + interval '1 day', CASE WHEN w.since IS NOT NULL THEN 'a person' END, 1
      FROM generate_series(1, 5000) n, LATERAL (SELECT CASE WHEN n % 4 = 1 THEN now() END AS since) w`);
    for (let i = 0; i < 20; i += 1) await seedDelegation(database);
    const { sql } = oldestStatement(sweeperTables(database.db));
    for (const statistics of ['as they are', 'fresh']) {
      if (statistics === 'fresh') await database.query('ANALYZE delegations');
      const plan = await explain(sql, [600_000]);
      const scans = nodes(plan).filter((node) => node['Relation Name'] === 'delegations');
      expect(scans.map((node) => node['Index Name'] ?? node['Node Type']).toSorted()).toEqual([
        'delegations_deadline',
        'delegations_heartbeat_plain',
        'delegations_suspect',
      ]);
      // A thousand rows at the head of each.
      expect(scans.every((node) => node['Actual Rows'] <= 1000)).toBe(true);
    }
  });

  test('the day reads its late results, not the whole activity', async () => {
    await fill();
    await seedDelegation(database, { delegationId: 'late', silentSeconds: 700 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await testLedger(database.db).ledger.setStatus('late', 'completed');
    const plan = await explain(dayStatement(sweeperTables(database.db)).sql, []);
    const scanned = nodes(plan).filter((node) => node['Node Type'] === 'Seq Scan');
    expect(scanned.map((node) => node['Relation Name'])).not.toContain('activity_logs');
    const late = nodes(plan).find(
      (node) => node['Relation Name'] === 'activity_logs' || node['Index Name'] === 'activity_logs_late_result',
    );
    expect(late?.['Index Cond']).toContain('created_at');
    expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThan(60);
  });

  test('a reading that takes too long is ended by the server', async () => {
    const keeper = await database.connect();
    await keeper.query('BEGIN');
    await keeper.query('LOCK TABLE sweeper_state');
    await expect(reader().status()).rejects.toMatchObject({ code: '57014' });
  });
});

describe('the history', () => {
  test('has the latest marks with their evidence, newest first, and the callees with most stuck', async () => {
    const { sweeper } = testSweeper(database.db);
    for (let i = 0; i < 12; i += 1) {
      await seedDelegation(database, {
        delegationId: `s-${i}`,
        calleeId: i < 9 ? 'silent' : 'other',
        silentSeconds: 700,
      });
    }
    await sweeper.sweep({ trigger: 'manual' });
    await seedDelegation(database, { delegationId: 'o', calleeId: 'slow', status: 'dispatched', deadlineSeconds: -10 });
    await sweeper.sweep({ trigger: 'manual' });
    const { marks, callees, bins } = await reader().history();
    expect(marks).toHaveLength(10);
    expect(marks[0]).toMatchObject({ delegationId: 'o', rule: 'overdue', fromStatus: 'dispatched', calleeId: 'slow' });
    expect(marks[0]!.latenessMs).toBeGreaterThanOrEqual(10_000);
    expect(marks[1]).toMatchObject({ rule: 'stale', fromStatus: 'in_progress', stuckAfterMs: 600_000 });
    expect(marks[1]!.latenessMs).toBeGreaterThanOrEqual(700_000);
    expect(callees).toEqual([
      { calleeId: 'silent', count: 9 },
      { calleeId: 'other', count: 3 },
    ]);
    expect(bins.reduce((sum, { stuck, failed, sweeps }) => sum + stuck + failed + sweeps, 0)).toBe(12 + 1 + 2);
  });

  test('has marks for lack of progress among them, each with what was allowed to it, and counts them for the day', async () => {
    await seedDelegation(database, { delegationId: 'busy', silentSeconds: 0 });
    await database.query(`UPDATE delegations SET stalled_after_ms = 60000 WHERE delegation_id = 'busy'`);
    await database.query(`UPDATE delegations SET stalled_from = now() - interval '90 seconds',
      suspect_at = now() - interval '30 seconds' WHERE delegation_id = 'busy'`);
    await seedDelegation(database, { delegationId: 'silent', silentSeconds: 700 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    const { marks } = await reader().history();
    expect(marks.find(({ rule }) => rule === 'stalled')).toMatchObject({ delegationId: 'busy', stuckAfterMs: 60_000 });
    expect((await reader().status()).day).toMatchObject({ stuck: 2, stalled: 1 });
  });

  test('also has a sweep that was interrupted, which does not count for readiness', async () => {
    for (let i = 0; i < 4; i += 1) await seedDelegation(database, { silentSeconds: 700 + i });
    const interrupt = new AbortController();
    const { sweeper } = testSweeper(database.db, { batchRowsMax: 2 });
    await database.query('UPDATE sweeper_state SET swept_at = NULL');
    interrupt.abort();
    await sweeper.sweep({ trigger: 'manual', signal: interrupt.signal });
    const { day, sweptAt } = await reader().status();
    expect(day.sweeps).toBe(1);
    expect(sweptAt).toBeNull();
  });
});
