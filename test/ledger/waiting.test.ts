import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { InvalidArgumentError } from '../../src/index.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();
const ledger = () => testLedger(database.db).ledger;

const refused = (promise: Promise<unknown>) => promise.catch((err: unknown) => err);

describe('wait and resume', () => {
  test('answer with the status and the end of the wait', async () => {
    const id = await seedDelegation(database);
    const until = new Date(Date.now() + 3_600_000);
    const waiting = { status: 'in_progress', waitingUntil: until };
    expect(await ledger().wait(id, { until, reason: 'a person' })).toEqual({ outcome: 'waiting', ...waiting });
    expect(await ledger().wait(id, { until: until.toISOString(), reason: 'a person' })).toEqual({
      outcome: 'unchanged',
      ...waiting,
    });
    expect(await ledger().get(id)).toMatchObject({
      waitingUntil: until,
      waitingSince: expect.any(Date),
      waitingReason: 'a person',
    });
    expect(await ledger().resume(id, { actor: 'me' })).toEqual({
      outcome: 'resumed',
      status: 'in_progress',
      stuckAfterMs: null,
    });
    expect(await ledger().resume(id)).toEqual({ outcome: 'unchanged', status: 'in_progress', stuckAfterMs: null });
    expect(await ledger().get(id)).toMatchObject({ waitingUntil: null, waitingSince: null, waitingReason: null });
    expect((await ledger().history(id)).map(({ event, actor }) => [event, actor])).toEqual([
      ['delegation.in_progress', 'test'],
      ['delegation.waiting', 'ledger'],
      ['delegation.resumed', 'me'],
    ]);
  });

  test('resume answers with the threshold: it is a sign of life, after which a lowered one applies', async () => {
    const id = await seedDelegation(database);
    await ledger().adjust(id, { stuckAfterMs: 90_000 });
    await ledger().wait(id, { untilMs: 60_000, reason: 'a person' });
    await ledger().adjust(id, { stuckAfterMs: 30_000 });
    expect(await ledger().resume(id)).toMatchObject({ outcome: 'resumed', stuckAfterMs: 30_000 });
    await ledger().adjust(id, { stuckAfterMs: null });
    await database.query('UPDATE sweeper_threshold SET stuck_after_ms = 45000');
    await ledger().wait(id, { untilMs: 60_000, reason: 'a person' });
    expect(await ledger().resume(id)).toMatchObject({ outcome: 'resumed', stuckAfterMs: 45_000 });
    await database.query('UPDATE sweeper_threshold SET stuck_after_ms = NULL');
  });

  test('take a text that a model wrote as it can be stored', async () => {
    const id = await seedDelegation(database);
    await ledger().wait(id, { untilMs: 1000, reason: 'a\0b\ud800' });
    expect(await ledger().get(id)).toMatchObject({ waitingReason: 'a\ufffdb\ufffd' });
  });

  test('refuse what is over and do not know what is not there', async () => {
    const id = await seedDelegation(database, { status: 'completed' });
    expect(await ledger().wait(id, { untilMs: 1, reason: 'x' })).toEqual({
      outcome: 'refused',
      status: 'completed',
      waitingUntil: null,
    });
    expect(await ledger().resume(id)).toEqual({ outcome: 'refused', status: 'completed', stuckAfterMs: null });
    expect(await ledger().wait(randomUUID(), { untilMs: 1, reason: 'x' })).toEqual({
      outcome: 'missing',
      status: null,
      waitingUntil: null,
    });
    expect(await ledger().resume(randomUUID())).toEqual({ outcome: 'missing', status: null, stuckAfterMs: null });
  });

  test.each([
    ['untilMs', { untilMs: 0, reason: 'x' }],
    ['untilMs', { untilMs: -1, reason: 'x' }],
    ['untilMs', { untilMs: 30 * 86_400_000 + 1, reason: 'x' }],
    ['untilMs', { untilMs: 1, until: new Date(), reason: 'x' }],
    ['until', { reason: 'x' }],
    ['until', { until: 'tomorrow', reason: 'x' }],
    ['until', { until: '2026-01-01T00:00:00Z', reason: 'x' }],
    ['until', { until: '2126-01-01T00:00:00Z', reason: 'x' }],
    ['reason', { untilMs: 1, reason: '' }],
    ['reason', { untilMs: 1, reason: 'x'.repeat(201) }],
    ['reason', { untilMs: 1, reason: undefined as unknown as string }],
    ['actor', { untilMs: 1, reason: 'x', actor: '' }],
  ])('refuse %s: %j', async (field, options) => {
    const id = await seedDelegation(database);
    const before = await ledger().get(id);
    const err = await refused(ledger().wait(id, options));
    expect(err).toBeInstanceOf(InvalidArgumentError);
    expect(err).toMatchObject({ field });
    expect(await ledger().get(id)).toEqual(before);
  });

  test("leave the caller's transaction usable when the database's clock refuses an instant", async () => {
    const id = await seedDelegation(database);
    await database.db.transaction().execute(async (transaction) => {
      const inside = testLedger(transaction).ledger;
      const past = { until: '2026-01-01T00:00:00Z', reason: 'x' };
      expect(await refused(inside.wait(id, past))).toMatchObject({ name: 'InvalidArgumentError', field: 'until' });
      expect(await inside.wait(id, { untilMs: 60_000, reason: 'x' })).toMatchObject({ outcome: 'waiting' });
    });
    expect(await ledger().get(id)).toMatchObject({ waitingReason: 'x' });
  });
});

describe('adjust', () => {
  test('changes what is given, and nothing else', async () => {
    const id = await seedDelegation(database);
    const deadline = new Date(Date.now() + 86_400_000);
    const adjusted = { outcome: 'adjusted', status: 'in_progress' };
    expect(await ledger().adjust(id, { deadline, stuckAfterMs: 5000 })).toEqual(adjusted);
    expect(await ledger().get(id)).toMatchObject({ deadline, stuckAfterMs: 5000, stalledAfterMs: null });
    expect(await ledger().adjust(id, { stalledAfterMs: 7000 })).toEqual(adjusted);
    expect(await ledger().adjust(id, { stuckAfterMs: null })).toEqual(adjusted);
    expect(await ledger().get(id)).toMatchObject({ deadline, stuckAfterMs: null, stalledAfterMs: 7000 });
    expect(await ledger().adjust(id, { stuckAfterMs: null, deadline })).toEqual({ ...adjusted, outcome: 'unchanged' });
    expect(await ledger().adjust(id, { deadlineMs: 1000 })).toEqual({ ...adjusted, outcome: 'refused' });
    expect(await ledger().adjust(randomUUID(), { deadlineMs: 1000 })).toEqual({ outcome: 'missing', status: null });
  });

  test.each([
    ['stuckAfterMs', { stuckAfterMs: 999 }],
    ['stuckAfterMs', { stuckAfterMs: 30 * 86_400_000 + 1 }],
    ['stuckAfterMs', { stuckAfterMs: 1000.5 }],
    ['stalledAfterMs', { stalledAfterMs: 0 }],
    ['deadlineMs', { deadlineMs: -1 }],
    ['deadlineMs', { deadlineMs: 1, deadline: new Date() }],
    ['deadline', { deadline: 'x' }],
    ['actor', { stuckAfterMs: 5000, actor: 'x'.repeat(201) }],
    ['options', null as unknown as object],
  ])('refuses %s: %j', async (field, options) => {
    const id = await seedDelegation(database);
    expect(await refused(ledger().adjust(id, options))).toMatchObject({ name: 'InvalidArgumentError', field });
    expect(await ledger().get(id)).toMatchObject({ stuckAfterMs: null, stalledAfterMs: null });
  });
});

describe('progress', () => {
  test('is written with a heartbeat, however fresh the last one is', async () => {
    const id = await seedDelegation(database);
    expect(await ledger().heartbeat(id)).toMatchObject({ outcome: 'fresh' });
    expect(await ledger().heartbeat(id, { progress: 'half way' })).toMatchObject({ outcome: 'stamped' });
    expect(await ledger().get(id)).toMatchObject({ progress: 'half way', progressAt: expect.any(Date) });
  });

  test.each(['', 'x'.repeat(201), 5 as unknown as string])(
    'makes the heartbeat fail, and throws nothing, when it is %j',
    async (progress) => {
      const id = await seedDelegation(database);
      expect(await ledger().heartbeat(id, { progress })).toMatchObject({
        outcome: 'failed',
        error: { name: 'InvalidArgumentError', field: 'progress' },
      });
    },
  );
});

describe('a threshold of its own', () => {
  test("goes with the insert, and is the heartbeat's answer", async () => {
    await database.query('UPDATE sweeper_threshold SET stuck_after_ms = 600000');
    const delegation = { delegationId: randomUUID(), callerId: 'a', calleeId: 'b', taskPreview: 'c' };
    await ledger().insert({ ...delegation, stuckAfterMs: 5000, stalledAfterMs: 7000 });
    expect(await ledger().get(delegation.delegationId)).toMatchObject({ stuckAfterMs: 5000, stalledAfterMs: 7000 });
    expect(await ledger().heartbeat(delegation.delegationId)).toMatchObject({ stuckAfterMs: 5000 });
    expect(await ledger().heartbeat(await seedDelegation(database))).toMatchObject({ stuckAfterMs: 600_000 });
  });

  test.each([
    ['stuckAfterMs', { stuckAfterMs: 999 }],
    ['stalledAfterMs', { stalledAfterMs: 2 ** 40 }],
    ['traceparent', { traceparent: 'x' }],
  ])('makes the insert invalid, naming %s: %j', async (field, more) => {
    const delegation = { delegationId: randomUUID(), callerId: 'a', calleeId: 'b', taskPreview: 'c', ...more };
    expect(await ledger().insert(delegation)).toMatchObject({ outcome: 'invalid', error: { field } });
    expect(await ledger().get(delegation.delegationId)).toBeNull();
  });
});
