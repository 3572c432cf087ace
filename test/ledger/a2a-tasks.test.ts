import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { A2aTask } from '../../src/ledger/a2a-task.ts';
import { stepsOf, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();
const agentUrl = 'https://coder.example/a2a';

async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function delegated(callerId = 'planner', calleeId = 'coder') {
  const { ledger, events } = testLedger(database.db);
  const delegationId = randomUUID();
  await ledger.insert({ delegationId, callerId, calleeId, taskPreview: 'task' });
  const task: A2aTask = { agentUrl, taskId: randomUUID(), contextId: randomUUID() };
  return { ledger, events, delegationId, task, said: () => stepsOf(ledger, delegationId) };
}

describe('which task a delegation is', () => {
  test('is recorded once, and found by each side', async () => {
    const { ledger, delegationId, task } = await delegated();
    expect(await ledger.a2aTasks.record(delegationId, task)).toMatchObject({ outcome: 'unchanged', status: 'queued' });
    await ledger.a2aTasks.record(delegationId, { ...task, taskId: randomUUID() });
    const found = await ledger.a2aTasks.find(task, { callerId: 'planner' });
    expect(found).toEqual(await ledger.get(delegationId));
    expect(await ledger.a2aTasks.find(task, { calleeId: 'coder' })).toMatchObject({ delegationId });
    expect(await ledger.a2aTasks.find(task, { callerId: 'another' })).toBeUndefined();
  });

  test("does not depend on how the agent's address is written", async () => {
    const { ledger, delegationId, task } = await delegated();
    await ledger.a2aTasks.record(delegationId, { ...task, agentUrl: 'HTTPS://user:secret@Coder.Example:443/a2a/#top' });
    expect(await ledger.a2aTasks.find(task, { callerId: 'planner' })).toMatchObject({ delegationId });
    expect(await database.query('SELECT agent_url FROM a2a_tasks WHERE delegation_id = $1', [delegationId])).toEqual([
      { agent_url: agentUrl },
    ]);
  });

  test('of one id in two tenants is two delegations', async () => {
    const [one, two] = [await delegated(), await delegated()];
    const task = { ...one.task, tenant: 'north' };
    await one.ledger.a2aTasks.record(one.delegationId, task);
    await two.ledger.a2aTasks.record(two.delegationId, { ...task, tenant: 'south' });
    const find = (tenant?: string) => one.ledger.a2aTasks.find({ ...task, tenant }, { callerId: 'planner' });
    expect(await find('north')).toMatchObject({ delegationId: one.delegationId });
    expect(await find('south')).toMatchObject({ delegationId: two.delegationId });
    expect(await find()).toBeUndefined();
  });

  test('of a delegation that is not there is missing, and an invalid one is refused: nothing throws', async () => {
    const { ledger, delegationId, task, events } = await delegated();
    expect(await ledger.a2aTasks.record(randomUUID(), task)).toEqual({ outcome: 'missing', status: null });
    const invalid = [
      { ...task, agentUrl: '' },
      { ...task, agentUrl: `https://coder.example/${'x'.repeat(500)}` },
      { ...task, taskId: '' },
      { ...task, taskId: 'x'.repeat(201) },
      { ...task, tenant: 'x'.repeat(201) },
      undefined as never,
    ];
    for (const wrong of invalid) {
      expect(await ledger.a2aTasks.record(delegationId, wrong)).toMatchObject({ outcome: 'invalid' });
    }
    expect(events('ledger.a2a_failed')).toHaveLength(invalid.length);
    expect(await ledger.a2aTasks.find(task, { callerId: 'planner' })).toBeUndefined();
  });

  test('goes with its delegation', async () => {
    const { ledger, delegationId, task } = await delegated();
    await ledger.a2aTasks.record(delegationId, task);
    await database.query('DELETE FROM activity_logs WHERE delegation_id = $1', [delegationId]);
    await database.query('DELETE FROM delegations WHERE delegation_id = $1', [delegationId]);
    expect(await database.query('SELECT FROM a2a_tasks WHERE delegation_id = $1', [delegationId])).toEqual([]);
  });
});

describe('what is seen of a task', () => {
  test('moves its delegation, and its result may come at once', async () => {
    const { ledger, delegationId, task, said } = await delegated();
    const result = await ledger.a2aTasks.observe(
      delegationId,
      { step: 'completed', resultPreview: 'done', responseBody: { ok: true } },
      { task },
    );
    expect(result).toMatchObject({ outcome: 'changed', status: 'completed' });
    expect(await said()).toEqual(['queued', 'in_progress', 'completed']);
    expect(await ledger.get(delegationId)).toMatchObject({ status: 'completed', resultPreview: 'done' });
    expect(await ledger.a2aTasks.find(task, { callerId: 'planner' })).toMatchObject({ delegationId });
  });

  test('never takes it back: SUBMITTED after WORKING is a sign of life', async () => {
    const { ledger, delegationId, said } = await delegated();
    const observe = (step: 'dispatched' | 'in_progress') => ledger.a2aTasks.observe(delegationId, { step });
    expect(await observe('dispatched')).toMatchObject({ outcome: 'changed', status: 'dispatched' });
    expect(await observe('in_progress')).toMatchObject({ outcome: 'changed', status: 'in_progress' });
    const { lastHeartbeat } = (await ledger.get(delegationId))!;
    expect(await observe('dispatched')).toMatchObject({ outcome: 'unchanged', status: 'in_progress' });
    expect((await ledger.get(delegationId))!.lastHeartbeat!.getTime()).toBeGreaterThanOrEqual(lastHeartbeat!.getTime());
    expect(await said()).toEqual(['queued', 'dispatched', 'in_progress']);
  });

  test.each(['dispatched', 'in_progress', 'alive'] as const)('ends a wait: %s', async (step) => {
    const { ledger, delegationId, said } = await delegated();
    const wait = { step: 'waiting', reason: 'a2a: INPUT_REQUIRED: which branch?' } as const;
    expect(await ledger.a2aTasks.observe(delegationId, wait)).toMatchObject({
      outcome: 'changed',
      status: 'in_progress',
    });
    const waiting = (await ledger.get(delegationId))!;
    expect(waiting.waitingUntil!.getTime() - waiting.waitingSince!.getTime()).toBe(7 * 24 * 3_600_000);
    expect(await ledger.a2aTasks.observe(delegationId, wait)).toMatchObject({ outcome: 'unchanged' });
    expect(await ledger.a2aTasks.observe(delegationId, { step })).toMatchObject({ outcome: 'changed' });
    expect(await ledger.get(delegationId)).toMatchObject({ status: 'in_progress', waitingUntil: null });
    expect(await said()).toEqual(['queued', 'in_progress', 'waiting', 'resumed']);
  });

  test('ends no wait of another actor that it has not seen: it may have been seen before the wait', async () => {
    const { ledger, delegationId, said } = await delegated();
    const wait = { step: 'waiting', reason: 'a2a: INPUT_REQUIRED: which branch?' } as const;
    await ledger.a2aTasks.observe(delegationId, wait, { actor: 'a2a-agent' });
    for (const step of ['dispatched', 'in_progress', 'alive'] as const)
      expect(await ledger.a2aTasks.observe(delegationId, { step })).toMatchObject({ outcome: 'unchanged' });
    expect((await ledger.get(delegationId))!.waitingReason).toBe(wait.reason);
    await ledger.a2aTasks.observe(delegationId, { step: 'in_progress' }, { knowsWait: true });
    expect((await ledger.get(delegationId))!.waitingReason).toBeNull();
    expect(await said()).toEqual(['queued', 'in_progress', 'waiting', 'resumed']);
  });

  test.each([
    [
      { step: 'completed', resultPreview: 'x'.repeat(5000) },
      { step: 'completed', resultPreview: 'another' },
    ],
    [
      { step: 'failed', errorDetail: 'a2a: FAILED: broken' },
      { step: 'failed', errorDetail: 'a2a: FAILED: another' },
    ],
  ] as const)(
    'the same end, seen by both sides in bodies of another shape, is no late result; another one is',
    async (end, another) => {
      const { ledger, delegationId, said } = await delegated();
      await ledger.a2aTasks.observe(delegationId, { ...end, responseBody: { task: 1 } });
      const again = await ledger.a2aTasks.observe(delegationId, { ...end, responseBody: { statusUpdate: 1 } });
      expect(again).toMatchObject({ outcome: 'unchanged', status: end.step });
      expect((await said()).at(-1)).toBe(end.step);
      await ledger.a2aTasks.observe(delegationId, another);
      expect((await said()).at(-1)).toBe('late_result');
    },
  );

  test('is refused by one that has ended, and its result is recorded as late', async () => {
    const { ledger, delegationId, said, events } = await delegated();
    await ledger.setStatus(delegationId, 'failed', { errorDetail: 'deadline exceeded' });
    for (const step of ['dispatched', 'in_progress', 'alive'] as const) {
      expect(await ledger.a2aTasks.observe(delegationId, { step })).toMatchObject({
        outcome: 'refused',
        status: 'failed',
      });
    }
    expect(await ledger.a2aTasks.observe(delegationId, { step: 'waiting', reason: 'r' })).toMatchObject({
      outcome: 'refused',
    });
    const late = await ledger.a2aTasks.observe(delegationId, { step: 'completed', resultPreview: 'done' });
    expect(late).toMatchObject({ outcome: 'refused', status: 'failed' });
    expect(await said()).toEqual(['queued', 'failed', 'late_result']);
    expect(events('ledger.late_result')).toHaveLength(1);
  });

  test('of a delegation that is not there is missing; its result is recorded', async () => {
    const { ledger, events } = await delegated();
    const unknown = randomUUID();
    expect(await ledger.a2aTasks.observe(unknown, { step: 'in_progress' })).toEqual({
      outcome: 'missing',
      status: null,
    });
    expect(await ledger.a2aTasks.observe(unknown, { step: 'failed', errorDetail: 'a2a: FAILED' })).toEqual({
      outcome: 'missing',
      status: null,
    });
    expect(events('ledger.orphan_update')).toHaveLength(1);
    await database.query('DELETE FROM activity_logs WHERE delegation_id = $1', [unknown]);
  });

  test.each([
    [{ step: 'waiting', reason: '' }, /reason/],
    [{ step: 'waiting', reason: 'r', forMs: 31 * 24 * 3_600_000 }, /forMs/],
    [{ step: 'in_progress', progress: 'x'.repeat(201) }, /progress/],
    [{ step: 'finished' }, /step/],
    [undefined, /step/],
  ])('%j is invalid: logged, nothing written', async (observation, message) => {
    const { ledger, delegationId, said } = await delegated();
    const result = await ledger.a2aTasks.observe(delegationId, observation as never);
    expect(result).toMatchObject({ status: null, error: { message: expect.stringMatching(message) } });
    expect(await said()).toEqual(['queued']);
  });

  test('is not recorded while the database is away: logged, and nothing throws', async () => {
    const { ledger, delegationId, events } = await delegated();
    await database.query('ALTER TABLE delegations RENAME TO away');
    const result = await ledger.a2aTasks.observe(delegationId, { step: 'in_progress' });
    await database.query('ALTER TABLE away RENAME TO delegations');
    expect(result).toMatchObject({ outcome: 'failed', status: null });
    expect(events('ledger.a2a_failed')).toHaveLength(1);
  });
});

describe('a message that goes on with a task', () => {
  test('finds its delegation and ends its wait in one call', async () => {
    const { ledger, delegationId, task } = await delegated();
    await ledger.a2aTasks.observe(delegationId, { step: 'waiting', reason: 'a2a: INPUT_REQUIRED' }, { task });
    const resume = (callerId: string) => ledger.a2aTasks.resume(task, { callerId });
    expect(await resume('another')).toBeUndefined();
    const resumed = { delegationId, status: 'in_progress', waitingReason: 'a2a: INPUT_REQUIRED' };
    expect(await resume('planner')).toEqual(resumed);
    expect(await ledger.get(delegationId)).toMatchObject({ waitingUntil: null });
    expect(await resume('planner')).toEqual({ ...resumed, waitingReason: null });
  });
});

describe("the agent's own side", () => {
  const delegation = () => ({
    delegationId: randomUUID(),
    callerId: 'planner',
    calleeId: 'coder',
    taskPreview: 'task',
    idempotencyKey: randomUUID(),
  });
  const task = () => ({ agentUrl, taskId: randomUUID(), userName: 'ada' });

  test('makes one delegation of a task, however often it begins', async () => {
    const { ledger } = testLedger(database.db);
    const [first, one] = [delegation(), task()];
    expect(await ledger.a2aTasks.begin(first, one)).toMatchObject({ outcome: 'inserted', status: 'queued' });
    const again = await ledger.a2aTasks.begin({ ...delegation(), calleeId: 'by another name' }, one);
    expect(again).toMatchObject({ outcome: 'found', delegationId: first.delegationId });
    const ofBob = await ledger.a2aTasks.begin(delegation(), { ...one, userName: 'bob' });
    expect(ofBob.outcome).toBe('inserted');
  });

  test("shares the caller's delegation by the message's id", async () => {
    const { ledger } = testLedger(database.db);
    const [caller, one] = [delegation(), task()];
    await ledger.insert(caller);
    const begun = await ledger.a2aTasks.begin({ ...caller, delegationId: randomUUID() }, one);
    expect(begun).toMatchObject({ outcome: 'duplicate', delegationId: caller.delegationId });
    await ledger.a2aTasks.record(caller.delegationId, { agentUrl, taskId: one.taskId, contextId: 'c' });
    expect(await ledger.a2aTasks.find(one, { calleeId: 'coder' })).toMatchObject({ delegationId: caller.delegationId });
  });

  test('makes another one for a message that was sent twice and became two tasks', async () => {
    const { ledger } = testLedger(database.db);
    const [first, one, two] = [delegation(), task(), task()];
    await ledger.a2aTasks.begin(first, one);
    const second = await ledger.a2aTasks.begin({ ...first, delegationId: randomUUID() }, two);
    expect(second.outcome).toBe('inserted');
    expect(second.delegationId).not.toBe(first.delegationId);
  });

  test('makes another one for a message that is sent again after its delegation failed without a task', async () => {
    const { ledger } = testLedger(database.db);
    const [own, agents, one] = [delegation(), delegation(), task()];
    await ledger.insert(own);
    await ledger.setStatus(own.delegationId, 'failed', { errorDetail: 'a2a: UNSUPPORTED_OPERATION: too busy' });
    const begun = await ledger.a2aTasks.begin({ ...agents, idempotencyKey: own.idempotencyKey }, one);
    expect(begun).toEqual({ outcome: 'inserted', delegationId: agents.delegationId, status: 'queued' });
  });

  test('is open until its store is known to hold the end', async () => {
    const { ledger } = testLedger(database.db);
    const url = 'https://open.example';
    const tasks = Array.from({ length: 3 }, () => ({ ...task(), agentUrl: url }));
    const ids: string[] = [];
    for (const one of tasks) ids.push((await ledger.a2aTasks.begin(delegation(), one)).delegationId);
    // A caller's own entry has no store.
    const caller = delegation();
    await ledger.insert(caller);
    await ledger.a2aTasks.record(caller.delegationId, { ...task(), agentUrl: url });
    await ledger.a2aTasks.observe(ids[1]!, { step: 'completed' }, { task: tasks[1], storeState: 'ended' });
    await ledger.setStatus(ids[2]!, 'failed', { errorDetail: 'deadline exceeded' });
    const open = await collected(ledger.a2aTasks.open({ agentUrl: url }));
    expect(open.map(({ delegationId }) => delegationId)).toEqual([ids[0], ids[2]].toSorted());
    expect(open.find(({ delegationId }) => delegationId === ids[2])).toMatchObject({
      status: 'failed',
      taskId: tasks[2]!.taskId,
      userName: 'ada',
    });
    expect(await collected(ledger.a2aTasks.open({ agentUrl: url, calleeId: 'other' }))).toEqual([]);
  });
});
