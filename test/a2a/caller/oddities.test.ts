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
