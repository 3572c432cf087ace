import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openStatuses, statuses } from '../../../src/ledger/transitions.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { days, left, type PastRow, seedActivity, seedPast, testPruner } from './retained.ts';

// Where activity is removed and rows stay, a row does not follow from its activity any more.
const database = useDatabase({ per: 'test', replayed: false });

describe('with RETENTION_DELEGATIONS alone', () => {
  test('what has ended for longer goes with its activity, and what is open or younger stays, however old it is', async () => {
    await seedPast(database, [
      { id: 'old', status: 'completed', created: 40, ended: 31 },
      { id: 'stuck', status: 'stuck', created: 40, ended: 31, waits: [39, 38] },
      { id: 'failed', status: 'failed', created: 31, ended: 31 },
      { id: 'just-ended', status: 'completed', created: 400, ended: 29 },
      { id: 'open', status: 'in_progress', created: 400, waits: [399] },
      { id: 'queued', status: 'queued', created: 400 },
      { id: 'young', status: 'failed', created: 2 },
    ]);
    const { prune, events } = testPruner(database.db);
    expect(await prune(days(30))).toMatchObject({
      delegations: 3,
      activity: 8,
      skipped: 0,
      refused: 0,
      interrupted: false,
    });
    expect(await left(database)).toEqual({
      'just-ended': 'completed, 2',
      open: 'in_progress, 3',
      queued: 'queued, 1',
      young: 'failed, 2',
    });
    expect(events('prune.completed')).toMatchObject([{ trigger: 'manual', delegations: 3, activity: 8 }]);
    expect(await prune(days(30))).toMatchObject({ delegations: 0, activity: 0 });
  });

  test('a result that came since then keeps its delegation; one that came late keeps it for thirty days at least', async () => {
    await seedPast(database, [
      { id: 'late-lately', status: 'stuck', created: 100, ended: 99, late: [29] },
      { id: 'late-long-ago', status: 'stuck', created: 100, ended: 99, late: [31] },
      { id: 'never-late', status: 'stuck', created: 100, ended: 99 },
      { id: 'adjusted', status: 'failed', created: 100, ended: 99, waits: [0.5] },
    ]);
    await testPruner(database.db).prune(days(1));
    expect(await left(database)).toEqual({ adjusted: 'failed, 3', 'late-lately': 'stuck, 3' });
  });

  test('activity without a row goes when it is as old', async () => {
    await seedActivity(database, [
      { id: 'orphan', event: 'orphan_update', from: null, to: null, ago: 31, nr: 0 },
      { id: 'young-orphan', event: 'orphan_update', from: null, to: null, ago: 31, nr: 0 },
      { id: 'young-orphan', event: 'orphan_update', from: null, to: null, ago: 29, nr: 1 },
    ]);
    expect(await testPruner(database.db).prune(days(30))).toMatchObject({ delegations: 0, activity: 1 });
    expect(await left(database)).toEqual({ 'young-orphan': 'no row, 2' });
  });
});

test('activity whose row was lost stays where the delegation had not ended, as all that it can be made again from', async () => {
  await seedPast(database, [
    { id: 'in-progress', status: 'in_progress', created: 40, waits: [39] },
    { id: 'queued', status: 'queued', created: 40 },
    { id: 'ended', status: 'stuck', created: 40, waits: [39] },
    { id: 'used-again', status: 'completed', created: 50 },
  ]);
  await seedActivity(database, [
    { id: 'used-again', event: 'queued', from: null, to: 'queued', ago: 40, nr: 0 },
    { id: 'orphan', event: 'orphan_update', from: null, to: null, ago: 40, nr: 0 },
  ]);
  await database.query('DELETE FROM delegations');
  const { prune, count } = testPruner(database.db);
  expect(await count(days(null, 30))).toMatchObject({ delegations: 0, activity: 4 });
  expect(await prune(days(30))).toMatchObject({ delegations: 0, activity: 4 });
  expect(await left(database)).toEqual({
    'in-progress': 'no row, 3',
    queued: 'no row, 1',
    'used-again': 'no row, 3',
  });
});

describe('with RETENTION_ACTIVITY', () => {
  const rows: readonly PastRow[] = [
    { id: 'a40', status: 'completed', created: 40 },
    { id: 'a20', status: 'completed', created: 20 },
    { id: 'a5', status: 'stuck', created: 50, ended: 5, waits: [49, 48] },
    { id: 'late', status: 'stuck', created: 50, ended: 49, late: [5] },
    { id: 'open', status: 'in_progress', created: 400, waits: [399] },
  ];
  const orphans = [
    { id: 'orphan', event: 'orphan_update', from: null, to: null, ago: 12, nr: 0 },
    { id: 'young-orphan', event: 'orphan_update', from: null, to: null, ago: 9, nr: 0 },
  ];

  test('alone, the activity goes as a whole and the delegation stays', async () => {
    await seedPast(database, rows);
    await seedActivity(database, orphans);
    expect(await testPruner(database.db).prune(days(null, 10))).toMatchObject({ delegations: 0, activity: 5 });
    expect(await left(database)).toEqual({
      a40: 'completed, 0',
      a20: 'completed, 0',
      a5: 'stuck, 4',
      late: 'stuck, 3',
      open: 'in_progress, 3',
      'young-orphan': 'no row, 1',
    });
  });

  test('that is shorter than RETENTION_DELEGATIONS, each goes in its time', async () => {
    await seedPast(database, rows);
    expect(await testPruner(database.db).prune(days(30, 10))).toMatchObject({ delegations: 1, activity: 4 });
    expect(await left(database)).toEqual({
      a20: 'completed, 0',
      a5: 'stuck, 4',
      late: 'stuck, 3',
      open: 'in_progress, 3',
    });
  });

  test('that is longer, the activity outlives the row, and goes in its time as a whole', async () => {
    await seedPast(database, rows);
    const { prune } = testPruner(database.db);
    expect(await prune(days(15, 30))).toMatchObject({ delegations: 2, activity: 2 });
    expect(await left(database)).toEqual({
      a20: 'no row, 2',
      a5: 'stuck, 4',
      late: 'stuck, 3',
      open: 'in_progress, 3',
    });
  });
});

test('what was removed up to now is noted, by the table, and never goes back', async () => {
  await seedPast(database, [
    { id: 'a', status: 'completed', created: 40 },
    { id: 'b', status: 'completed', created: 15 },
  ]);
  const noted = async () =>
    (
      await database.query(`SELECT (EXTRACT(epoch FROM clock_timestamp() - delegations_before) / 86400)::int AS delegations,
        (EXTRACT(epoch FROM clock_timestamp() - activity_before) / 86400)::int AS activity FROM sweeper_retention`)
    )[0];
  const { prune } = testPruner(database.db);
  expect(await noted()).toEqual({ delegations: null, activity: null });
  await prune(days(30));
  expect(await noted()).toEqual({ delegations: 30, activity: null });
  await prune(days(null, 10));
  expect(await noted()).toEqual({ delegations: 30, activity: 10 });
  await seedPast(database, [{ id: 'c', status: 'completed', created: 50 }]);
  await prune(days(45, 45));
  expect(await noted()).toEqual({ delegations: 30, activity: 10 });
});

test('an agent that comes back is told that its delegation is missing, and its result goes in its turn; the key is free', async () => {
  await seedPast(database, [{ id: 'd', status: 'stuck', created: 40 }]);
  const { ledger } = testLedger(database.db);
  const { prune } = testPruner(database.db);
  await prune(days(30));
  expect(await ledger.heartbeat('d')).toMatchObject({ outcome: 'missing' });
  expect(await ledger.setStatus('d', 'completed', { resultPreview: 'done' })).toMatchObject({ outcome: 'missing' });
  expect(await ledger.retry('d')).toMatchObject({ outcome: 'missing' });
  expect(await ledger.history('d')).toMatchObject([{ event: 'delegation.orphan_update' }]);
  await prune(days(30));
  expect(await left(database)).toEqual({ d: 'no row, 1' });
  await database.query(`UPDATE activity_logs SET created_at = created_at - interval '31 days'`);
  await prune(days(30));
  expect(await left(database)).toEqual({});
  const again = {
    delegationId: 'e',
    callerId: 'caller',
    calleeId: 'callee',
    taskPreview: 'task',
    idempotencyKey: 'key-d',
  };
  expect(await ledger.insert(again)).toMatchObject({ outcome: 'inserted' });
});

describe('of any ledger', () => {
  const days0to60 = fc.integer({ min: 0, max: 120 }).map((half) => half / 2);
  const row = fc.record({
    status: fc.constantFrom(...statuses),
    created: days0to60,
    life: days0to60,
    waits: fc.array(days0to60, { maxLength: 2 }),
    late: fc.array(days0to60, { maxLength: 1 }),
    recorded: fc.boolean(),
  });
  const period = fc.option(fc.constantFrom(1, 10, 30, 45));
  const periods = fc
    .tuple(period, period)
    .filter(([delegations, activity]) => delegations !== null || activity !== null);

  test('a dry run counts what the next prune removes; no open row goes, nor the activity of one; nothing goes in part', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 12 }), periods, async (shapes, [delegations, activity]) => {
        await database.query('TRUNCATE delegations, activity_logs CASCADE');
        const rows = shapes.map(({ life, created, waits, late, ...shape }, i): PastRow => {
          const ended = Math.max(0, created - life);
          return {
            ...shape,
            id: `d${i}`,
            created,
            ended,
            waits: waits.map((ago) => Math.min(created, Math.max(ended, ago))),
            late: late.map((ago) => Math.min(ended, ago)),
          };
        });
        await seedPast(
          database,
          rows,
          shapes.map(({ created }, i) => ({
            id: `o${i % 3}`,
            event: 'orphan_update',
            from: null,
            to: null,
            ago: created,
            nr: i,
          })),
        );
        const before = await left(database);
        const { prune, count } = testPruner(database.db, { pageRowsMax: 3 });
        const counted = await count(days(delegations, activity));
        expect(await left(database)).toEqual(before);
        const removed = await prune(days(delegations, activity));
        expect([removed.delegations, removed.activity]).toEqual([counted.delegations, counted.activity]);
        const after = await left(database);
        for (const [id, was] of Object.entries(before)) {
          const status = was.split(', ')[0]!;
          if ((openStatuses as readonly string[]).includes(status)) expect(after[id]).toBe(was);
          // Its row, its activity, both or neither: an activity is whole.
          else
            expect([was, was.replace(/, .*/, ', 0'), was.replace(/.*, /, 'no row, '), undefined]).toContain(after[id]);
        }
        expect(await count(days(delegations, activity))).toMatchObject({ delegations: 0, activity: 0 });
      }),
      { numRuns: 40 },
    );
  });
});
