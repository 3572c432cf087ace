import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Advisor } from '../../../src/sweeper/advice/advisor.ts';
import { CALLEES_MAX } from '../../../src/sweeper/advice/callee-counts.ts';
import { Sampler } from '../../../src/sweeper/advice/sampler.ts';
import { addCountsStatement } from '../../../src/sweeper/advice/statements/add-counts.ts';
import { Beat } from '../../../src/sweeper/observed-time/beat.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { capturedLog, seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const STUCK_AFTER_MS = 600_000;

/** A daemon that has left a beat, and its sampler, which has read once. */
async function daemon() {
  const { log, events } = capturedLog();
  const beat = new Beat(database.db, log, STUCK_AFTER_MS);
  await beat.leave();
  const sampler = new Sampler(database.db, log, beat.daemonId, STUCK_AFTER_MS);
  return { beat, sampler, events };
}

async function samplingDaemon() {
  const made = await daemon();
  expect(await made.sampler.read()).toBe(0);
  await made.sampler.read();
  return made;
}

const advice = async (calleeId = 'callee') =>
  (await new Advisor(database.db, { stuckAfterMs: STUCK_AFTER_MS }).advice({ calleeId })).callees[0];

/** A delegation that has entered in_progress so many seconds ago. */
async function entered(secondsAgo: number, calleeId = 'callee'): Promise<string> {
  const { ledger } = testLedger(database.db);
  const delegationId = randomUUID();
  await ledger.insert({ delegationId, callerId: 'caller', calleeId, taskPreview: 'task' });
  await ledger.setStatus(delegationId, 'in_progress');
  const ago = `clock_timestamp() - ${secondsAgo} * interval '1 second'`;
  await database.query(`UPDATE delegations SET last_heartbeat = ${ago} WHERE delegation_id = $1`, [delegationId]);
  await database.query(`UPDATE activity_logs SET created_at = ${ago} WHERE delegation_id = $1`, [delegationId]);
  return delegationId;
}

const beatOf = (id: string) => testLedger(database.db, { heartbeatMinIntervalMs: 1 }).ledger.heartbeat(id);
const complete = (id: string) => testLedger(database.db).ledger.setStatus(id, 'completed');

describe('a sampler', () => {
  test('follows a delegation from its entry to its end, and stores what it saw of it', async () => {
    const { sampler } = await samplingDaemon();
    const id = await entered(20);
    await sampler.read();
    await beatOf(id);
    await sampler.read();
    await complete(id);
    await sampler.read();
    await sampler.store();
    const [row] = await database.query(`SELECT callee_id, started, sampled, gaps, longest FROM sweeper_advice`);
    // 20 seconds: the bucket that ends at 20.0 or the next one, for the time that the test took.
    const bucketsOf = (histogram: Record<string, number>) =>
      Object.keys(histogram).map((bucket) => 1.05 ** Number(bucket));
    const { gaps, longest, ...rest } = row as { gaps: Record<string, number>; longest: Record<string, number> };
    expect(rest).toEqual({ callee_id: 'callee', started: '1', sampled: '1' });
    expect(bucketsOf(longest)).toEqual([expect.closeTo(21_000, -4)]);
    expect(bucketsOf(gaps)).toHaveLength(2);
    expect(await advice()).toMatchObject({ verdict: 'too_little', evidence: { delegations: 1, started: 1, gaps: 2 } });
  });

  test('counts nothing of a delegation that entered before it began to read, and nothing twice', async () => {
    const before = await entered(1);
    const { sampler } = await samplingDaemon();
    const id = await entered(1);
    await complete(id);
    await complete(before);
    await sampler.read();
    await sampler.store();
    await sampler.read();
    await sampler.store();
    expect(await advice()).toMatchObject({ evidence: { delegations: 1, started: 1 } });
  });

  test('takes off the time of an outage that a beat has recorded', async () => {
    const { sampler } = await samplingDaemon();
    const id = await entered(20);
    await sampler.read();
    await database.query(`INSERT INTO sweeper_gaps
      SELECT now() - interval '18 seconds', now() - interval '2 seconds', 'unwatched'`);
    await beatOf(id);
    await complete(id);
    await sampler.read();
    await sampler.store();
    const [row] = await database.query<{ longest: Record<string, number> }>('SELECT longest FROM sweeper_advice');
    const [bucket] = Object.keys(row!.longest);
    expect(1.05 ** Number(bucket)).toBeLessThan(10_000);
    expect(1.05 ** Number(bucket)).toBeGreaterThan(3_000);
  });

  test('judges nothing while beats do not arrive, since an outage is known only after the next one', async () => {
    const { sampler, beat } = await samplingDaemon();
    await database.query(`UPDATE sweeper_state SET beat_at = beat_at - interval '16 seconds'`);
    const id = await entered(1);
    await complete(id);
    await sampler.read();
    await sampler.store();
    expect(await advice()).toBeUndefined();
    await beat.leave();
    await sampler.read();
    await sampler.store();
    expect(await advice()).toMatchObject({ evidence: { delegations: 1 } });
  });

  test('rests while there is nothing to follow', async () => {
    const { sampler } = await samplingDaemon();
    expect(await sampler.read()).toBe(60_000);
    await entered(1);
    expect(await sampler.read()).toBe(10_000);
  });
});

describe('of several daemons', () => {
  test('one samples, and another one when that one is gone', async () => {
    const made = [await daemon(), await daemon()].toSorted((a, b) => (a.beat.daemonId < b.beat.daemonId ? -1 : 1));
    const [first, second] = made as [(typeof made)[0], (typeof made)[0]];
    for (const { sampler } of made) {
      await sampler.read();
      await sampler.read();
    }
    const id = await entered(1);
    for (const { sampler } of made) await sampler.read();
    await complete(id);
    for (const { sampler } of made) await sampler.read();
    for (const { sampler } of made) await sampler.store();
    expect(await advice()).toMatchObject({ evidence: { delegations: 1, started: 1 } });
    await database.query(`UPDATE sweeper_daemons SET beat_at = beat_at - interval '2 minutes' WHERE daemon_id = $1`, [
      first.beat.daemonId,
    ]);
    await second.beat.leave();
    expect(await second.sampler.read()).toBe(0);
    await second.sampler.read();
    await complete(await entered(1));
    await second.sampler.read();
    await second.sampler.store();
    expect(await advice()).toMatchObject({ evidence: { delegations: 2, started: 2 } });
  });

  test('one that stops hands on what it follows, which is counted once', async () => {
    const one = await samplingDaemon();
    const id = await entered(1);
    await one.sampler.read();
    await one.sampler.start();
    await one.sampler.stop();
    const [kept] = await database.query<{ followed: { followed: unknown[] } }>(
      'SELECT followed FROM sweeper_advice_state',
    );
    expect(kept!.followed.followed).toHaveLength(1);
    await database.query('DELETE FROM sweeper_daemons');
    const next = await daemon();
    expect(await next.sampler.read()).toBe(0);
    await complete(id);
    await next.sampler.read();
    await next.sampler.store();
    expect(await advice()).toMatchObject({ evidence: { delegations: 1, started: 1 } });
    const [after] = await database.query('SELECT followed FROM sweeper_advice_state');
    expect(after).toEqual({ followed: null });
  });

  test('it starts once, stops twice, and not after a stop', async () => {
    const { sampler } = await daemon();
    await sampler.stop();
    await sampler.stop();
    await expect(sampler.start()).rejects.toThrow();
  });
});

describe('what fails', () => {
  test('is logged once, and the sampler goes on', async () => {
    await database.query('ALTER TABLE sweeper_advice_state RENAME TO elsewhere');
    const { sampler, events } = await daemon();
    await sampler.start();
    await waitFor('the event', async () => events('advice.sampling_failed')[0]);
    await sampler.stop();
    expect(events('advice.sampling_failed')).toHaveLength(1);
    await database.query('ALTER TABLE elsewhere RENAME TO sweeper_advice_state');
  });

  test('fails no sweep that cannot store its counts', async () => {
    await database.query('ALTER TABLE sweeper_advice RENAME TO elsewhere');
    await seedDelegation(database, { silentSeconds: 700 });
    const { sweeper, events } = testSweeper(database.db);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1 });
    expect(events('sweep.report_failed')).toEqual([expect.objectContaining({ report: 'advice' })]);
    await database.query('ALTER TABLE elsewhere RENAME TO sweeper_advice');
  });
});

describe('marks', () => {
  const marked = async (count: number, calleeId = 'callee') => {
    const ids = [];
    for (let i = 0; i < count; i += 1) ids.push(await seedDelegation(database, { silentSeconds: 700, calleeId }));
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    return ids;
  };

  test('are counted with how long it took, and those that were false', async () => {
    const ids = await marked(8);
    await complete(ids[0]!);
    await testLedger(database.db).ledger.setStatus(ids[1]!, 'failed');
    const read = await advice();
    expect(read).toMatchObject({ evidence: { marks: 8, falseMarks: 2 }, falseMarkShare: 0.25 });
    expect(read!.detection.p50Ms).toBeGreaterThanOrEqual(700_000);
    expect(read!.detection.p50Ms).toBeLessThan(700_000 * 1.06);
    expect(read!.detection.p99Ms).toBeNull();
  });

  test('once, though a result comes twice, and not those for a deadline or by another writer', async () => {
    const [id] = await marked(1);
    const { ledger } = testLedger(database.db);
    await ledger.setStatus(id!, 'completed', { resultPreview: 'one' });
    await ledger.setStatus(id!, 'completed', { resultPreview: 'two' });
    await seedDelegation(database, { deadlineSeconds: -10 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    const other = await seedDelegation(database, {});
    await ledger.setStatus(other, 'stuck');
    await ledger.setStatus(other, 'completed');
    expect(await advice()).toMatchObject({ evidence: { marks: 1, falseMarks: 1 } });
  });

  test('of one callee say nothing about another one', async () => {
    const [id] = await marked(1, 'other');
    await complete(id!);
    await marked(1);
    expect(await advice()).toMatchObject({ evidence: { marks: 1, falseMarks: 0 }, falseMarkShare: 0 });
  });
});

describe('what is stored', () => {
  const add = (counts: readonly object[]) =>
    addCountsStatement(sweeperTables(database.db)).run(database.db, { counts: counts as never });
  const of = (calleeId: string, over: object = {}) => ({
    calleeId,
    started: 1,
    sampled: 1,
    own: 0,
    ownMinMs: null,
    ownMaxMs: null,
    gaps: {},
    longest: { 200: 1 },
    detected: {},
    ...over,
  });

  test('is added up per bucket, and kept for thirty days', async () => {
    await add([of('a', { gaps: { 10: 2, 11: 1 }, own: 1, ownMinMs: 5_000, ownMaxMs: 5_000 })]);
    await database.query(`INSERT INTO sweeper_advice (day, callee_id) VALUES (current_date - 31, 'old')`);
    await add([of('a', { gaps: { 11: 4 }, own: 1, ownMinMs: 3_000, ownMaxMs: 3_000 }), of('b')]);
    expect(
      await database.query(
        'SELECT callee_id, started, gaps, longest, own_min_ms, own_max_ms FROM sweeper_advice ORDER BY 1',
      ),
    ).toEqual([
      {
        callee_id: 'a',
        started: '2',
        gaps: { 10: 2, 11: 5 },
        longest: { 200: 2 },
        own_min_ms: '3000',
        own_max_ms: '5000',
      },
      expect.objectContaining({ callee_id: 'b', gaps: {} }),
    ]);
  });

  test('of thousands of callees is bounded: those beyond share a row, which says so', async () => {
    const many = Array.from({ length: CALLEES_MAX + 500 }, (_, i) => of(`c-${String(i).padStart(5, '0')}`));
    await add(many.slice(0, 700));
    await add(many.slice(700));
    await add(many);
    const [row] = await database.query(`SELECT count(*)::int AS rows, sum(started)::int AS started,
      (sum(started) FILTER (WHERE callee_id = ''))::int AS together FROM sweeper_advice`);
    expect(row).toEqual({ rows: CALLEES_MAX + 1, started: 2 * many.length, together: 1000 });
    const read = await new Advisor(database.db, { stuckAfterMs: STUCK_AFTER_MS }).advice({ calleesMax: 10 });
    expect(read.calleesKnown).toBe(CALLEES_MAX);
    expect(read.callees).toHaveLength(10);
    const all = await new Advisor(database.db, { stuckAfterMs: STUCK_AFTER_MS }).advice({ calleesMax: 2_000 });
    expect(all.callees.at(-1)).toMatchObject({ calleeId: null, evidence: { delegations: 1000 } });
  });

  test('at the same time by several daemons is all there', async () => {
    const many = Array.from({ length: 40 }, (_, i) => of(`c-${i}`));
    await Promise.all(Array.from({ length: 8 }, (_, i) => add(i % 2 === 0 ? many : many.toReversed())));
    const [row] = await database.query(
      'SELECT min(started)::int AS least, max(started)::int AS most FROM sweeper_advice',
    );
    expect(row).toEqual({ least: 8, most: 8 });
  });

  test('is merged over the days', async () => {
    await add([of('a')]);
    await database.query('UPDATE sweeper_advice SET day = day - 29');
    await add([of('a', { longest: { 200: 2, 201: 1 }, sampled: 3, started: 3 })]);
    expect(await advice('a')).toMatchObject({ evidence: { delegations: 4, started: 4 } });
  });
});
