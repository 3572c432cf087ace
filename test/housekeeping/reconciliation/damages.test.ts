import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ReconcileSummary } from '../../../src/housekeeping/reconciliation/reconcile-summary.ts';
import { stepsOf, testLedger, testSweeper } from '../../support/fixtures.ts';
import { unreplayable } from '../../support/replay.ts';
import { useDatabase } from '../../support/use-database.ts';
import { backup, inserted, reconciling, withoutTriggers } from './damaging.ts';

// Each test ends with the check that activity replays to its rows.
const database = useDatabase({ per: 'test' });

let ledger: ReturnType<typeof testLedger>['ledger'];
beforeEach(() => {
  ({ ledger } = testLedger(database.db));
});

const damages = ['rowsMissing', 'rowsBehind', 'activitiesMissing', 'endedTwice', 'orphanResults'] as const;

const found = (summary: ReconcileSummary) =>
  Object.fromEntries(
    [...damages, 'impossible', 'locked', 'failed', 'interrupted']
      .map((name) => [name, summary[name as keyof ReconcileSummary]])
      .filter(([, value]) => value),
  );

/**
 * A dry run names what a run then does, each with its log event, and a second run finds nothing. Returns the events.
 */
async function healed(expected: Partial<Record<(typeof damages)[number] | 'impossible', number>>) {
  const before = await snapshot();
  const rehearsal = reconciling(database);
  const rehearsed: unknown[] = [];
  await rehearsal.reconciliation.run({
    trigger: 'manual',
    dryRun: true,
    signal: new AbortController().signal,
    onHealings: async (healings) => void rehearsed.push(...healings),
  });
  expect(await snapshot()).toEqual(before);
  expect(rehearsal.lines).toEqual([]);
  const first = reconciling(database);
  const done: unknown[] = [];
  const summary = await first.reconciliation.run({
    trigger: 'manual',
    signal: new AbortController().signal,
    onHealings: async (healings) => void done.push(...healings),
  });
  expect(done).toEqual(rehearsed);
  expect(found(summary)).toEqual(expected);
  expect(first.events('reconcile.completed')).toHaveLength(1);
  const events = [...first.events('delegation.healed'), ...first.events('delegation.not_healed')];
  expect(events).toHaveLength(done.length);
  expect(await unreplayable(database)).toEqual([]);
  const second = reconciling(database);
  expect(found(await second.run())).toEqual({});
  expect(second.lines.map(({ event }) => event)).toEqual(['reconcile.completed']);
  return events;
}

const snapshot = async () => ({
  rows: await database.query('SELECT d.*, d.xmin FROM delegations d ORDER BY delegation_id'),
  activity: await database.query('SELECT * FROM activity_logs ORDER BY activity_id'),
  notices: await database.query('SELECT * FROM sweeper_notices'),
});

const lose = (id: string) => withoutTriggers(database, 'DELETE FROM delegations WHERE delegation_id = $1', [id]);

/** The check at the end of a test knows one life of an id. */
const forgetEarlierLife = (id: string) =>
  database.query(
    `DELETE FROM activity_logs WHERE delegation_id = $1 AND activity_id < (
       SELECT max(activity_id) FROM activity_logs WHERE delegation_id = $1 AND from_status IS NULL AND to_status IS NOT NULL)`,
    [id],
  );

describe('a row that is missing', () => {
  test('is made again as its activity has it, with its deadline, thresholds and wait', async () => {
    const id = await inserted(database, {
      idempotencyKey: 'k',
      deadlineMs: 7_200_000,
      stuckAfterMs: 90_000,
      stalledAfterMs: 80_000,
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      requestBody: { prompt: 'x' },
    });
    await ledger.setStatus(id, 'in_progress');
    await ledger.adjust(id, { deadlineMs: 9_000_000, stuckAfterMs: 60_000 });
    await ledger.wait(id, { untilMs: 3_600_000, reason: 'a person' });
    const row = (await ledger.get(id))!;
    await lose(id);
    const [event] = await healed({ rowsMissing: 1 });
    expect(event).toMatchObject({ delegationId: id, kind: 'row_missing', outcome: 'healed', fromStatus: null });
    const again = (await ledger.get(id))!;
    expect(again).toEqual({
      ...row,
      lastHeartbeat: expect.any(Date),
      updatedAt: expect.any(Date),
      createdAt: expect.any(Date),
    });
    // It has the whole threshold to be heard.
    expect(again.lastHeartbeat!.getTime()).toBeGreaterThanOrEqual(row.lastHeartbeat!.getTime());
    expect(await stepsOf(ledger, id)).toEqual(['queued', 'in_progress', 'adjusted', 'waiting', 'healed']);
    expect((await ledger.history(id)).at(-1)).toMatchObject({
      actor: 'reconciler',
      fromStatus: 'in_progress',
      toStatus: null,
      detail: { kind: 'row_missing', outcome: 'healed', to: 'in_progress' },
    });
    // Neither the sweep nor the guard finds anything odd about it.
    await ledger.resume(id);
    expect(await ledger.setStatus(id, 'completed')).toMatchObject({ outcome: 'changed' });
  });

  test('is made again with its end, also one of many inserted at once, and one that tries another again', async () => {
    const [done, failed] = ['done', 'failed'];
    await ledger.insertMany(
      [done, failed].map((delegationId) => ({ delegationId, callerId: 'a', calleeId: 'b', taskPreview: 'c' })),
    );
    await ledger.setStatus(done, 'in_progress');
    await ledger.setStatus(done, 'completed', { resultPreview: 'r' });
    await ledger.setStatus(failed, 'failed', { errorDetail: 'why' });
    await ledger.retry(failed, { delegationId: 'again' });
    const rows = await Promise.all([done, failed, 'again'].map((id) => ledger.get(id)));
    for (const id of [done, failed, 'again']) await lose(id);
    await healed({ rowsMissing: 3 });
    for (const row of rows) {
      const again = (await ledger.get(row!.delegationId))!;
      const apart = Math.abs(Number(again.finishedAt) - Number(row!.finishedAt));
      expect(apart).toBeLessThan(1000);
      const { lastHeartbeat: _, ...rest } = row!;
      expect(again).toMatchObject({
        ...rest,
        finishedAt: again.finishedAt,
        updatedAt: again.updatedAt,
        createdAt: again.createdAt,
      });
    }
  });

  test('gives up its key, and what it tried again, to those that have them by now', async () => {
    const id = await inserted(database, { idempotencyKey: 'k' });
    await lose(id);
    const other = await inserted(database, { idempotencyKey: 'k' });
    await healed({ rowsMissing: 1 });
    expect(await ledger.get(id)).toMatchObject({ idempotencyKey: null });
    expect(await ledger.get(other)).toMatchObject({ idempotencyKey: 'k' });
  });

  test('stays away where the retention removed it, or somebody after it ended under an earlier release', async () => {
    const [pruned, deleted, lost] = [await inserted(database), await inserted(database), await inserted(database)];
    for (const id of [pruned, deleted, lost]) await ledger.setStatus(id, 'failed');
    await database.query(
      `UPDATE activity_logs SET created_at = created_at - interval '2 days' WHERE delegation_id = $1`,
      [pruned],
    );
    await database.query(`UPDATE activity_logs SET detail = '{}' WHERE delegation_id = $1`, [deleted]);
    for (const id of [pruned, deleted, lost]) await lose(id);
    await database.query(`UPDATE sweeper_retention SET delegations_before = now() - interval '1 day'`);
    await healed({ rowsMissing: 1 });
    expect(await Promise.all([pruned, deleted, lost].map(async (id) => (await ledger.get(id)) !== null))).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('is reported once where nothing names its caller, and again after its activity is gone', async () => {
    const [open, never] = [await inserted(database), randomUUID()];
    await database.query(`UPDATE activity_logs SET detail = '{}' WHERE delegation_id = $1`, [open]);
    await lose(open);
    await ledger.setStatus(never, 'completed', { resultPreview: 'r' });
    const events = await healed({ impossible: 2 });
    expect(events.map(({ delegationId, why, kind }) => ({ delegationId, why, kind }))).toEqual(
      [open, never].toSorted().map((delegationId) => ({ delegationId, why: 'impossible', kind: 'row_missing' })),
    );
    await database.query('DELETE FROM activity_logs');
    await reconciling(database).run();
    expect((await snapshot()).notices).toEqual([]);
  });
});

describe('a row that is behind its activity', () => {
  test.each(['in_progress', 'completed', 'failed'] as const)(
    'moves on to %s, with all that belongs to it',
    async (to) => {
      const id = await inserted(database);
      const old = await backup(database, id);
      await ledger.setStatus(id, 'in_progress');
      if (to === 'completed') await ledger.setStatus(id, to, { resultPreview: 'r', responseBody: { x: 1 } });
      if (to === 'failed') await ledger.setStatus(id, to, { errorDetail: 'why' });
      const row = (await ledger.get(id))!;
      const history = await ledger.history(id);
      await old.restore();
      expect(await ledger.get(id)).toMatchObject({ status: 'queued' });
      const [event] = await healed({ rowsBehind: 1 });
      expect(event).toMatchObject({ kind: 'row_behind', fromStatus: 'queued', toStatus: to });
      const { status, resultPreview, errorDetail, finishedAt } = (await ledger.get(id))!;
      expect({ status, resultPreview, errorDetail }).toEqual({
        status: row.status,
        resultPreview: row.resultPreview,
        errorDetail: row.errorDetail,
      });
      expect(finishedAt === null).toBe(row.finishedAt === null);
      expect((await ledger.history(id)).slice(0, -1)).toEqual(history);
    },
  );

  test('moves on to what a sweep made of it, and words it as the sweep did', async () => {
    const id = await inserted(database, { deadlineMs: 7_200_000 });
    await ledger.setStatus(id, 'in_progress');
    const old = await backup(database, id);
    await database.query(`UPDATE delegations SET last_heartbeat = now() - interval '700 s'`);
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    const row = (await ledger.get(id))!;
    expect(row).toMatchObject({ status: 'stuck' });
    await old.restore();
    await healed({ rowsBehind: 1 });
    expect(await ledger.get(id)).toMatchObject({ status: 'stuck', errorDetail: row.errorDetail });
  });

  test('waits again for what its activity says it waits for, and its deadline is not earlier', async () => {
    const id = await inserted(database);
    const old = await backup(database, id);
    await ledger.setStatus(id, 'in_progress');
    await ledger.wait(id, { untilMs: 3_600_000, reason: 'a person' });
    const row = (await ledger.get(id))!;
    await old.restore();
    await healed({ rowsBehind: 1 });
    const again = (await ledger.get(id))!;
    expect(again).toMatchObject({
      waitingSince: row.waitingSince,
      waitingUntil: row.waitingUntil,
      waitingReason: 'a person',
      deadline: row.deadline,
    });
  });
});

describe('a row that is ahead of its activity', () => {
  test.each([
    ['queued', 'dispatched', ['queued', 'dispatched', 'healed']],
    ['queued', 'completed', ['queued', 'in_progress', 'completed', 'healed']],
    ['queued', 'stuck', ['queued', 'in_progress', 'stuck', 'healed']],
    ['completed', 'failed', ['queued', 'in_progress', 'completed', 'failed', 'healed', 'late_result', 'healed']],
  ] as const)('gets the activity from %s to %s', async (from, to, steps) => {
    const id = await inserted(database);
    if (from === 'completed') {
      await ledger.setStatus(id, 'in_progress');
      await ledger.setStatus(id, 'completed', { resultPreview: 'work' });
    }
    await withoutTriggers(
      database,
      `UPDATE delegations SET status = $2, error_detail = 'by hand', last_heartbeat = now(),
         finished_at = CASE WHEN $2 <> 'dispatched' THEN now() - interval '1 hour' END WHERE delegation_id = $1`,
      [id, to],
    );
    const row = await ledger.get(id);
    const counts = from === 'completed' ? { activitiesMissing: 1, endedTwice: 1 } : { activitiesMissing: 1 };
    await healed(counts);
    expect(await ledger.get(id)).toEqual(row);
    expect(await stepsOf(ledger, id)).toEqual(steps);
    expect((await ledger.history(id)).find(({ toStatus }) => toStatus === to)).toMatchObject({ actor: 'reconciler' });
    if (to === 'dispatched') return;
    // Made again from that activity, it has ended when it did.
    await lose(id);
    await healed({ rowsMissing: 1 });
    expect(await ledger.get(id)).toMatchObject({ status: to, finishedAt: row!.finishedAt });
  });

  test('gets its first activity, from which it can be made again', async () => {
    const id = randomUUID();
    await withoutTriggers(
      database,
      `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, idempotency_key) VALUES ($1, 'a', 'b', 'c', 'k')`,
      [id],
    );
    await healed({ activitiesMissing: 1 });
    expect(await stepsOf(ledger, id)).toEqual(['queued', 'healed']);
    await lose(id);
    await healed({ rowsMissing: 1 });
    expect(await ledger.get(id)).toMatchObject({ callerId: 'a', calleeId: 'b', taskPreview: 'c', idempotencyKey: 'k' });
  });

  test('gets none where the retention removed its activity', async () => {
    const id = await inserted(database);
    await ledger.setStatus(id, 'failed');
    await database.query(`UPDATE delegations SET finished_at = finished_at - interval '2 days'`);
    const history = await ledger.history(id);
    await database.query('DELETE FROM activity_logs');
    await database.query(`UPDATE sweeper_retention SET activity_before = now() - interval '1 day'`);
    expect(found(await reconciling(database).run())).toEqual({});
    await database.query(`UPDATE sweeper_retention SET activity_before = now() - interval '3 days'`);
    expect(history).toHaveLength(2);
    await healed({ activitiesMissing: 1 });
  });

  test('is told from a row that took the id of an earlier delegation, which has another life', async () => {
    const id = await inserted(database);
    await ledger.setStatus(id, 'failed');
    await database.query(`UPDATE activity_logs SET created_at = created_at - interval '1 hour'`);
    await lose(id);
    await withoutTriggers(
      database,
      `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview) VALUES ($1, 'a', 'b', 'c')`,
      [id],
    );
    expect(found(await reconciling(database).run())).toEqual({ activitiesMissing: 1 });
    expect(await ledger.get(id)).toMatchObject({ status: 'queued' });
    expect(found(await reconciling(database).run())).toEqual({});
    await forgetEarlierLife(id);
  });
});

test('a result that its activity has, and a row lost before it went on and ended otherwise, is a late result', async () => {
  const id = await inserted(database);
  await ledger.setStatus(id, 'in_progress');
  const old = await backup(database, id);
  await ledger.setStatus(id, 'completed', { resultPreview: 'work', responseBody: { x: 1 } });
  await old.restore();
  await database.query(`UPDATE delegations SET last_heartbeat = now() - interval '700 s'`);
  await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
  expect(await ledger.get(id)).toMatchObject({ status: 'stuck' });
  // The step from completed to stuck is what happened; only the row that went back explains it.
  await database.query(`UPDATE activity_logs SET from_status = 'completed' WHERE to_status = 'stuck'`);
  const [event] = await healed({ endedTwice: 1 });
  expect(event).toMatchObject({ kind: 'ended_twice', outcome: 'recorded', fromStatus: 'stuck', toStatus: 'completed' });
  expect((await ledger.history(id)).find(({ event: name }) => name === 'delegation.late_result')).toMatchObject({
    actor: 'reconciler',
    detail: { attempted: 'completed', resultPreview: 'work' },
    responseBody: { x: 1 },
  });
});

describe('a result that came while there was no row', () => {
  test.each(['queued', 'dispatched', 'in_progress'] as const)(
    'is taken by a row that came later, and is %s',
    async (status) => {
      const id = randomUUID();
      // A best-effort insert was lost, its agent worked all the same, and the caller inserts again.
      await ledger.setStatus(id, 'in_progress');
      await ledger.setStatus(id, 'completed', { resultPreview: 'r', responseBody: { x: 1 }, actor: 'coder' });
      await inserted(database, { delegationId: id });
      if (status !== 'queued') await ledger.setStatus(id, status);
      const [event] = await healed({ orphanResults: 1 });
      expect(event).toMatchObject({
        kind: 'orphan_result',
        outcome: 'healed',
        fromStatus: status,
        toStatus: 'completed',
      });
      expect(await ledger.get(id)).toMatchObject({ status: 'completed', resultPreview: 'r' });
      expect((await ledger.history(id)).find(({ toStatus }) => toStatus === 'completed')).toMatchObject({
        actor: 'reconciler',
        responseBody: { x: 1 },
      });
    },
  );

  test('is a late result of a row that has ended otherwise', async () => {
    const id = randomUUID();
    await ledger.setStatus(id, 'completed', { resultPreview: 'r' });
    await inserted(database, { delegationId: id });
    await ledger.setStatus(id, 'failed', { errorDetail: 'why' });
    await healed({ orphanResults: 1 });
    expect(await stepsOf(ledger, id)).toEqual(['orphan_update', 'queued', 'failed', 'late_result', 'healed']);
  });

  test('is left alone where the row has it already, or it was for an earlier delegation of the id', async () => {
    const [has, late, reused] = [randomUUID(), randomUUID(), randomUUID()];
    const result = { resultPreview: 'r', responseBody: { x: 1 } };
    for (const id of [has, late]) {
      await ledger.setStatus(id, 'completed', result);
      await inserted(database, { delegationId: id });
      await ledger.setStatus(id, 'in_progress');
    }
    await ledger.setStatus(has, 'completed', result);
    await ledger.setStatus(late, 'failed');
    await ledger.setStatus(late, 'completed', result);
    await inserted(database, { delegationId: reused });
    await ledger.setStatus(reused, 'failed');
    await lose(reused);
    await ledger.setStatus(reused, 'completed', result);
    await inserted(database, { delegationId: reused });
    expect(found(await reconciling(database).run())).toEqual({});
    expect(await ledger.get(reused)).toMatchObject({ status: 'queued' });
    await forgetEarlierLife(reused);
  });

  test('and one that differs from it are both kept: the first is taken, the other is a late result', async () => {
    const id = await inserted(database);
    const row = await backup(database, id);
    await lose(id);
    await ledger.setStatus(id, 'completed', { resultPreview: 'one' });
    await ledger.setStatus(id, 'failed', { errorDetail: 'two' });
    await ledger.setStatus(id, 'dispatched');
    await row.restore();
    await healed({ orphanResults: 2 });
    expect(await ledger.get(id)).toMatchObject({ status: 'completed', resultPreview: 'one' });
    expect((await ledger.history(id)).find(({ event }) => event === 'delegation.late_result')).toMatchObject({
      detail: { attempted: 'failed', errorDetail: 'two' },
    });
  });
});

test('what the ledger and its sweeps do by themselves is no damage', async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, () => inserted(database)));
  const [queued, dispatched, waiting, completed, failed, late, plain] = ids as [string, ...string[]];
  await ledger.setStatus(dispatched!, 'dispatched');
  for (const id of [waiting, completed, failed, late]) await ledger.setStatus(id!, 'in_progress');
  await ledger.wait(waiting!, { untilMs: 60_000, reason: 'a person' });
  await ledger.setStatus(completed!, 'completed');
  await ledger.setStatus(completed!, 'completed', { resultPreview: 'filled in' });
  await ledger.setStatus(failed!, 'failed');
  await database.query(`UPDATE delegations SET last_heartbeat = now() - interval '700 s' WHERE delegation_id = $1`, [
    late,
  ]);
  await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
  await ledger.setStatus(late!, 'completed', { resultPreview: 'late' });
  await database.query(`UPDATE delegations SET status = 'in_progress' WHERE delegation_id = $1`, [plain]);
  await database.query(`UPDATE delegations SET status = 'completed' WHERE delegation_id = $1`, [plain]);
  await ledger.retry(failed!);
  expect(queued).toBeDefined();
  const summary = await reconciling(database, { pageRowsMax: 3 }).run();
  expect(found(summary)).toEqual({});
  expect(summary).toMatchObject({ delegations: 9 });
});
