import { type Message, type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DelegationLedger } from '../../../src/ledger/ledger.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { clientOf } from '../../support/a2a/client.ts';
import { request, taskOf } from '../../support/a2a/messages.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { delegatingClient, delegationOf, eventsOf, kindsOf } from './delegating.ts';
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

describe('an answer of 10 MB', () => {
  const MB = 1024 * 1024;

  test('reaches the caller whole; the ledger keeps its start', async () => {
    const client = await delegatingClient(agent, ledger);
    const outgoing = request(`working; big ${10 * MB}; complete`);
    const answer = (await client.sendMessage(outgoing)) as Task;
    expect(lengths(answer)).toEqual([10 * MB]);
    const row = await delegation(outgoing);
    expect(row.status).toBe('completed');
    expect(Buffer.byteLength(row.resultPreview!)).toBe(4096);
    const [activity] = await database.query<{ bytes: number }>(
      `SELECT octet_length(response_body::text) AS bytes FROM activity_logs
       WHERE delegation_id = $1 AND event = 'delegation.completed'`,
      [row.delegationId],
    );
    expect(activity!.bytes).toBeGreaterThan(64 * 1024);
    expect(activity!.bytes).toBeLessThan(72 * 1024);
  });

  test('that is too large an event for the SDK comes by a poll', async () => {
    const bare = eventsOf((await clientOf(agent)).sendMessageStream(request(`working; big ${10 * MB}; complete`)));
    await expect(bare).rejects.toThrow('maximum allowed size');
    const outgoing = request(`working; big ${10 * MB}; complete`);
    const events = await eventsOf((await delegatingClient(agent, ledger)).sendMessageStream(outgoing));
    expect(kindsOf(events)).toEqual(['task', 'task']);
    expect(lengths(events[1]!.payload!.value as Task)).toEqual([10 * MB]);
    expect((await delegation(outgoing)).status).toBe('completed');
  });

  function lengths({ artifacts }: Task): (number | undefined)[] {
    return artifacts.flatMap(({ parts }) => parts.map(({ content }) => content?.value.length));
  }
});

describe('an agent whose clock', () => {
  test.each(['hour behind', 'hour ahead', 'frozen', 'none'] as const)(
    'is "%s" is followed as any other',
    async (stamps) => {
      await using odd = await ScriptedAgent.start({ name: 'odd', stamps });
      const spy = new Spy();
      const client = await delegatingClient(odd, ledger, { inside: spy.inside });
      const polled = request('working; gate go; working half; gate end; complete done', { returnImmediately: true });
      const { id } = (await client.sendMessage(polled)) as Task;
      const poll = () => client.getTask({ tenant: '', id });
      const before = (await delegation(polled)).lastHeartbeat!;
      expect(Math.abs(Date.now() - before.getTime())).toBeLessThan(600_000);
      for (let n = 0; n < 3; n += 1) await poll();
      expect((await delegation(polled)).lastHeartbeat).toEqual(before);
      odd.open('go');
      odd.open('end');
      await waitFor('the end', async () => (await poll()).status?.state === TaskState.TASK_STATE_COMPLETED);
      expect(await delegation(polled)).toMatchObject({ status: 'completed', resultPreview: 'done' });
      // A subscription's snapshot is told from what comes after it, whatever the stamps are.
      const streamed = request('working; gate cut; cut; gate subscribed; working half; complete done');
      const events: StreamResponse[] = [];
      const reading = (async () => {
        for await (const event of client.sendMessageStream(streamed)) {
          events.push(event);
          odd.open('cut');
        }
      })();
      await spy.heardOf('resubscribeTask: task');
      odd.open('subscribed');
      await reading;
      expect(kindsOf(events)).toEqual(['task', 'statusUpdate', 'statusUpdate']);
      expect(await delegation(streamed)).toMatchObject({ status: 'completed', resultPreview: 'done' });
    },
  );
});

test('a state that the SDK does not know is a sign of life', async () => {
  const client = await delegatingClient(agent, ledger);
  const outgoing = request('working; unknown new in 2.0; gate known; complete');
  const stream = client.sendMessageStream(outgoing);
  await stream.next();
  const event = await stream.next();
  expect(event.value?.payload?.$case).toBe('statusUpdate');
  expect((await delegation(outgoing)).status).toBe('in_progress');
  agent.open('known');
  await eventsOf(stream);
  expect((await delegation(outgoing)).status).toBe('completed');
});

describe('an event that is malformed', () => {
  const ids = { taskId: 'odd', contextId: 'context' };
  const malformed: readonly unknown[] = [
    {},
    { payload: undefined },
    { payload: { $case: 'news', value: {} } },
    { payload: { $case: 'task', value: undefined } },
    { payload: { $case: 'task', value: { id: 'odd', contextId: 'context', status: undefined } } },
    { payload: { $case: 'task', value: { id: 'odd', status: { state: 2 }, artifacts: [{ artifactId: 'a' }, {}] } } },
    { payload: { $case: 'statusUpdate', value: { ...ids, status: undefined } } },
    { payload: { $case: 'statusUpdate', value: { ...ids, status: { state: 'odd', timestamp: 7, message: {} } } } },
    { payload: { $case: 'statusUpdate', value: { ...ids, status: { state: 2, message: { parts: [null, {}] } } } } },
    { payload: { $case: 'statusUpdate', value: null } },
    { payload: { $case: 'artifactUpdate', value: { ...ids, artifact: undefined } } },
    {
      payload: {
        $case: 'artifactUpdate',
        value: { ...ids, artifact: { artifactId: 'a', parts: undefined }, append: true },
      },
    },
    {
      payload: {
        $case: 'artifactUpdate',
        value: { ...ids, artifact: { artifactId: 'a', parts: [null] }, append: true },
      },
    },
    { payload: { $case: 'artifactUpdate', value: { ...ids, artifact: { artifactId: 'a', parts: [cyclic()] } } } },
    { payload: { $case: 'message', value: { messageId: 'm' } } },
    null,
    undefined,
    'text',
  ];

  test('reaches the caller as it is, and breaks nothing', async () => {
    const spy = new Spy();
    const given = [
      { payload: { $case: 'task', value: taskOf('odd', 'context', TaskState.TASK_STATE_WORKING) } },
      ...malformed,
      { payload: { $case: 'statusUpdate', value: { ...ids, status: { state: TaskState.TASK_STATE_COMPLETED } } } },
    ];
    spy.instead.sendMessageStream = () => streamOf(given);
    const client = await delegatingClient(agent, ledger, { inside: spy.inside });
    const outgoing = request('work');
    // The client's transport: the client itself looks into nothing of an event.
    const events = await eventsOf(client.transport.sendMessageStream(outgoing));
    expect(events).toEqual(given);
    expect(await delegation(outgoing)).toMatchObject({ status: 'completed' });
  });

  test.each(malformed.map((event) => [event]))(
    'alone, as %j, leaves the delegation open or ends it, and throws nothing',
    async (event) => {
      const spy = new Spy();
      spy.instead.sendMessageStream = () => streamOf([event]);
      spy.instead.resubscribeTask = () => streamOf([event]);
      const client = await delegatingClient(agent, ledger, { inside: spy.inside, transport: { reconnectForMs: 0 } });
      const outgoing = request('work');
      expect(await eventsOf(client.transport.sendMessageStream(outgoing))).toEqual([event]);
      expect(['queued', 'in_progress', 'completed']).toContain((await delegation(outgoing)).status);
    },
  );

  async function* streamOf(events: readonly unknown[]) {
    yield* events as StreamResponse[];
  }

  function cyclic() {
    const value: Record<string, unknown> = {};
    value.self = value;
    return { content: { $case: 'data', value } };
  }
});

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
