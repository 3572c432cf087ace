import { type Message, type Task, TaskState } from '@a2a-js/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DelegationLedger } from '../../../src/ledger/ledger.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { clientOf } from '../../support/a2a/client.ts';
import { request, taskOf } from '../../support/a2a/messages.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { delegatingClient, delegationOf } from './delegating.ts';
import { Spy } from './spied.ts';

const database = useDatabase();
let agent: ScriptedAgent;
let ledger: DelegationLedger;
beforeAll(async () => {
  agent = await ScriptedAgent.start({ name: 'scripted' });
  ledger = testLedger(database.db).ledger;
});
afterAll(() => agent[Symbol.asyncDispose]());

const delegation = (outgoing: { message: Message | undefined }) =>
  delegationOf(ledger, database, outgoing.message!.messageId);

describe('a message', () => {
  test.each([
    ['of several parts', [text('one'), text('two')], 'one\ntwo'],
    ['with a file', [text('read this'), file('plan.pdf')], 'read this\n(plan.pdf)'],
    ['with data alone', [{ content: { $case: 'data', value: { a: 1 } } }], '(data)'],
    ['with an empty part', [{}], '(empty part)'],
    ['without parts', [], ''],
  ])('%s has a preview of its text', async (_, parts, preview) => {
    const spy = new Spy();
    spy.instead.sendMessage = async () => taskOf('t', 'c', TaskState.TASK_STATE_COMPLETED);
    const client = await delegatingClient(agent, ledger, { inside: spy.inside });
    const outgoing = request('work');
    outgoing.message!.parts = parts as Message['parts'];
    await client.sendMessage(outgoing);
    expect((await delegation(outgoing)).taskPreview).toBe(preview);
  });

  test('is recorded as the options choose', async () => {
    const client = await delegatingClient(agent, ledger, {
      transport: {
        delegation: ({ request: { message }, card, options }) => ({
          delegationId: `chosen-${message!.messageId}`,
          calleeId: card.name,
          taskPreview: `for ${options?.serviceParameters?.tenant}`,
          deadlineMs: 3_600_000,
          stuckAfterMs: 30_000,
          stalledAfterMs: undefined,
        }),
      },
    });
    const outgoing = request('complete');
    await client.sendMessage(outgoing, { serviceParameters: { tenant: 'blue' } });
    const row = await delegation(outgoing);
    expect(row).toMatchObject({
      delegationId: `chosen-${outgoing.message!.messageId}`,
      calleeId: 'scripted',
      taskPreview: 'for blue',
      stuckAfterMs: 30_000,
    });
    expect(row.deadline.getTime() - row.createdAt.getTime()).toBe(3_600_000);
  });

  test('that is sent again is the same delegation', async () => {
    const client = await delegatingClient(agent, ledger);
    const outgoing = request('complete');
    await client.sendMessage(outgoing);
    await client.sendMessage(outgoing);
    const rows = await database.query('SELECT 1 FROM delegations WHERE idempotency_key = $1', [
      outgoing.message!.messageId,
    ]);
    expect(rows).toHaveLength(1);
  });

  test('whose id the ledger would refuse has its digest as the key', async () => {
    const client = await delegatingClient(agent, ledger);
    const outgoing = request('complete', { messageId: 'x'.repeat(300) });
    await client.sendMessage(outgoing);
    const [row] = await database.query<{ status: string }>(
      `SELECT status FROM delegations WHERE idempotency_key ~ '^sha256:[0-9a-f]{64}$'`,
    );
    expect(row).toEqual({ status: 'completed' });
  });
});

describe('a message that goes on with a task and does not arrive', () => {
  test('leaves the delegation waiting as before', async () => {
    const spy = new Spy();
    const client = await delegatingClient(agent, ledger, { inside: spy.inside });
    const first = request('working; ask which one?');
    const { id: taskId } = (await client.sendMessage(first)) as Task;
    spy.instead.sendMessage = () => {
      throw new TypeError('fetch failed');
    };
    await expect(client.sendMessage(request('working', { taskId }))).rejects.toThrow('fetch failed');
    expect(await delegation(first)).toMatchObject({
      status: 'in_progress',
      waitingReason: 'a2a: INPUT_REQUIRED: which one?',
    });
  });
});

describe('a message that goes on with a task and is answered by a message alone', () => {
  test('leaves the delegation waiting; to a process that knows nothing of the wait it is a sign of life', async () => {
    const client = await delegatingClient(agent, ledger, { transport: { waitForMs: 3_600_000 } });
    const first = request('working; ask which one?');
    const { id: taskId } = (await client.sendMessage(first)) as Task;
    const waiting = await delegation(first);
    expect(waiting.waitingUntil!.getTime() - waiting.waitingSince!.getTime()).toBe(3_600_000);
    await client.sendMessage(request('message I asked you something', { taskId }));
    expect((await delegation(first)).waitingReason).toBe('a2a: INPUT_REQUIRED: which one?');
    await (await delegatingClient(agent, ledger)).sendMessage(request('message once more', { taskId }));
    expect(await delegation(first)).toMatchObject({ status: 'in_progress', waitingUntil: null });
  });
});

describe('a process that sees a task for the first time', () => {
  test('takes what the ledger does not know, and no sign of life from what it does', async () => {
    const outgoing = request('working; gate later; complete done', { returnImmediately: true });
    const { id } = (await (await delegatingClient(agent, ledger)).sendMessage(outgoing)) as Task;
    const before = await delegation(outgoing);
    expect(before.status).toBe('in_progress');
    const poll = async () => (await delegatingClient(agent, ledger)).getTask({ tenant: '', id });
    for (let n = 0; n < 2; n += 1) await poll();
    expect((await delegation(outgoing)).lastHeartbeat).toEqual(before.lastHeartbeat);
    agent.open('later');
    await waitFor('the end', async () => (await poll()).status?.state === TaskState.TASK_STATE_COMPLETED);
    expect(await delegation(outgoing)).toMatchObject({ status: 'completed', resultPreview: 'done' });
  });

  test('leaves a task in peace that is nobody’s delegation', async () => {
    const { id } = (await (await clientOf(agent)).sendMessage(request('complete'))) as Task;
    const client = await delegatingClient(agent, ledger);
    expect((await client.getTask({ tenant: '', id })).id).toBe(id);
    expect(await database.query('SELECT 1 FROM a2a_tasks WHERE task_id = $1', [id])).toEqual([]);
  });
});

test('a list of tasks is as many polls, of those that the process has seen before', async () => {
  const client = await delegatingClient(agent, ledger);
  const outgoing = request('working; gate listed; complete done', { returnImmediately: true });
  const { id, contextId } = (await client.sendMessage(outgoing)) as Task;
  const status = TaskState.TASK_STATE_UNSPECIFIED;
  const list = () =>
    client.listTasks({ tenant: '', contextId, status, pageToken: '', statusTimestampAfter: undefined });
  expect((await list()).tasks.map((task) => task.id)).toEqual([id]);
  agent.open('listed');
  await waitFor('the end', async () => (await list()).tasks[0]?.status?.state === TaskState.TASK_STATE_COMPLETED);
  await waitFor('the result', async () => (await delegation(outgoing)).status === 'completed');
  expect(await delegation(outgoing)).toMatchObject({ resultPreview: 'done' });
});

function text(value: string) {
  return { content: { $case: 'text', value }, filename: '' };
}

function file(filename: string) {
  return { content: { $case: 'url', value: 'https://files.example/plan' }, filename };
}
