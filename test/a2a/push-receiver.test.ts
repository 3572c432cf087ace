import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { StreamResponse, TaskState } from '@a2a-js/sdk';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pushReceiver } from '../../src/a2a/push-receiver.ts';
import type { DelegationLedger } from '../../src/ledger/ledger.ts';
import { ScriptedAgent } from '../support/a2a/agent-process.ts';
import { agentMessage, artifactOf, request } from '../support/a2a/messages.ts';
import { stepsOf, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { delegatingClient, delegationOf } from './caller/delegating.ts';

const database = useDatabase();
const agentUrl = 'https://coder.example/a2a';
const { TASK_STATE_WORKING: WORKING, TASK_STATE_COMPLETED: COMPLETED, TASK_STATE_INPUT_REQUIRED: ASKS } = TaskState;

let ledger: DelegationLedger;
let receive: (request: Request) => Promise<Response>;
beforeAll(() => {
  ledger = testLedger(database.db).ledger;
});
beforeEach(() => {
  receive = pushReceiver({ ledger, token: 'secret' });
});

let count = 0;

/** A delegation whose task is known, as a caller leaves it that does not wait for the answer. */
async function delegate(task: { taskId?: string; agentUrl?: string; tenant?: string; callerId?: string } = {}) {
  count += 1;
  const { callerId = 'planner', taskId = `task-${count}`, ...rest } = task;
  const delegationId = `delegation-${count}`;
  await ledger.insert({ delegationId, callerId, calleeId: 'coder', taskPreview: 'work' });
  await ledger.a2aTasks.record(delegationId, { agentUrl, taskId, contextId: 'context', ...rest });
  return { delegationId, taskId, row: async () => (await ledger.get(delegationId))! };
}

function post(body: unknown, { headers = {}, ...rest }: RequestInit = {}): Request {
  return new Request('http://orchestrator.example/push', {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/a2a+json', 'x-a2a-notification-token': 'secret', ...headers },
    ...rest,
  });
}

const ids = (taskId: string) => ({ taskId, contextId: 'context' });
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const status = (taskId: string, state: TaskState, timestamp: string | undefined, text = '') =>
  StreamResponse.toJSON({
    payload: {
      $case: 'statusUpdate',
      value: {
        ...ids(taskId),
        status: { state, timestamp, message: text === '' ? undefined : agentMessage(text, ids(taskId)) },
        metadata: undefined,
      },
    },
  });
const notify = async (body: unknown) => (await receive(post(body))).status;

describe('a notification', () => {
  test('is a transition, a wait or a result of its delegation', async () => {
    const { taskId, row } = await delegate();
    expect(await notify(status(taskId, WORKING, at(1), 'half'))).toBe(204);
    expect(await row()).toMatchObject({ status: 'in_progress', progress: 'half' });
    expect(await notify(status(taskId, ASKS, at(2), 'which one?'))).toBe(204);
    expect(await row()).toMatchObject({ waitingReason: 'a2a: INPUT_REQUIRED: which one?' });
    const artifact = { ...ids(taskId), artifact: artifactOf('report', 'a'), append: false, lastChunk: true };
    const event = StreamResponse.toJSON({
      payload: { $case: 'artifactUpdate', value: { ...artifact, metadata: undefined } },
    });
    expect(await notify(event)).toBe(204);
    expect(await row()).toMatchObject({ waitingUntil: null });
    expect(await notify(status(taskId, COMPLETED, at(4)))).toBe(204);
    expect(await row()).toMatchObject({ status: 'completed', resultPreview: 'report' });
  });

  test('may be of protocol 0.3', async () => {
    const { taskId, row } = await delegate();
    const legacy = {
      kind: 'task',
      id: taskId,
      contextId: 'context',
      status: { state: 'completed', timestamp: at(1) },
      artifacts: [{ artifactId: 'a', parts: [{ kind: 'text', text: 'report' }] }],
    };
    const json = { headers: { 'content-type': 'application/json; charset=utf-8' } };
    expect((await receive(post(legacy, json))).status).toBe(204);
    expect(await row()).toMatchObject({ status: 'completed', resultPreview: 'report' });
  });

  test('that is repeated is no sign of life, one that is older than another ends no wait', async () => {
    const { delegationId, taskId, row } = await delegate();
    const [working, asks] = [status(taskId, WORKING, at(1)), status(taskId, ASKS, at(2), 'which one?')];
    expect(await notify(working)).toBe(204);
    const before = (await row()).lastHeartbeat;
    expect(await notify(working)).toBe(204);
    expect((await row()).lastHeartbeat).toEqual(before);
    for (const body of [asks, working, asks, working]) expect(await notify(body)).toBe(204);
    expect(await row()).toMatchObject({ waitingReason: 'a2a: INPUT_REQUIRED: which one?' });
    const done = status(taskId, COMPLETED, at(3), 'done');
    for (const body of [done, done, asks, working, done]) expect(await notify(body)).toBe(204);
    expect(await stepsOf(ledger, (await row()).delegationId)).toEqual([
      'queued',
      'in_progress',
      'waiting',
      'completed',
    ]);
    // Another process, which has seen none of them.
    receive = pushReceiver({ ledger, token: 'secret' });
    for (const body of [working, asks, done]) expect(await notify(body)).toBe(204);
    expect(await ledger.get(delegationId)).toMatchObject({ status: 'completed', resultPreview: 'done' });
    expect(await stepsOf(ledger, (await row()).delegationId)).toEqual([
      'queued',
      'in_progress',
      'waiting',
      'completed',
    ]);
  });

  test('of an end counts, also from a server whose clock is behind that of the one before', async () => {
    const { taskId, row } = await delegate();
    expect(await notify(status(taskId, WORKING, at(59)))).toBe(204);
    expect(await notify(status(taskId, COMPLETED, at(1), 'done'))).toBe(204);
    expect(await row()).toMatchObject({ status: 'completed', resultPreview: 'done' });
  });

  test('may come before its caller has recorded the task', async () => {
    const taskId = 'early';
    const answering = notify(status(taskId, COMPLETED, at(1), 'done'));
    const { row } = await delegate({ taskId });
    expect(await answering).toBe(204);
    expect(await row()).toMatchObject({ status: 'completed', resultPreview: 'done' });
  });

  test('comes from the SDK', async () => {
    await using undo = new AsyncDisposableStack();
    const server = createServer((incoming, answer) => {
      void receive(requestOf(incoming)).then(({ status }) => answer.writeHead(status).end());
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    undo.defer(() => new Promise((closed) => server.close(() => closed()) && server.closeAllConnections()));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/push`;
    for (const version of ['1.0', '0.3'] as const) {
      const agent = undo.use(await ScriptedAgent.start({ name: 'scripted', version }));
      const client = await delegatingClient(agent, ledger);
      const outgoing = request('working; gate go; working half; artifact report; complete done', {
        returnImmediately: true,
        push: { url, token: 'secret' },
      });
      await client.sendMessage(outgoing);
      agent.open('go');
      const row = () => delegationOf(ledger, database, outgoing.message!.messageId);
      await waitFor('the result', async () => (await row()).status === 'completed');
      expect(await row()).toMatchObject({ resultPreview: 'done' });
    }
  });
});

describe('a request that is no notification', () => {
  const cases: readonly (readonly [string, number, () => Request])[] = [
    ['another method', 405, () => new Request('http://orchestrator.example/push')],
    ['no token', 401, () => post({}, { headers: { 'x-a2a-notification-token': '' } })],
    ['a wrong token', 401, () => post({}, { headers: { 'x-a2a-notification-token': 'secreT' } })],
    ['another content type', 415, () => post({}, { headers: { 'content-type': 'text/plain' } })],
    ['bad JSON', 400, () => post('{')],
    ['JSON that is no object', 400, () => post('[]')],
    ['null', 400, () => post('null')],
    ['no event', 400, () => post({ hello: 'world' })],
    ['a status update without a task', 400, () => post({ statusUpdate: { status: { state: 'TASK_STATE_WORKING' } } })],
    ['an unknown kind of protocol 0.3', 400, () => post({ kind: 'news', id: 'x' })],
    ['a task that is not known', 404, () => post(status('no-such-task', WORKING, at(1)))],
    ['a task whose id is none', 404, () => post(status('x'.repeat(300), WORKING, at(1)))],
  ];
  test.each(cases)('%s: answered with %i and nothing else', async (_, expected, make) => {
    const answer = await receive(make());
    expect([answer.status, await answer.text()]).toEqual([expected, '']);
  });

  test('says what it takes', async () => {
    expect((await receive(new Request('http://x/', { method: 'PUT' }))).headers.get('allow')).toBe('POST');
    const unknown = post({}, { headers: { 'x-a2a-notification-token': '' } });
    expect((await receive(unknown)).headers.get('www-authenticate')).toBe('Bearer');
  });

  test('is read up to its bound, whatever it says of its length', async () => {
    receive = pushReceiver({ ledger, token: 'secret', bodyBytesMax: 1_000 });
    expect(await notify(`"${'x'.repeat(1_000)}"`)).toBe(413);
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(400));
      },
    });
    const request = post('', { body: endless, duplex: 'half' } as RequestInit);
    expect((await receive(request)).status).toBe(413);
    expect(pulled).toBeLessThan(10);
  });

  test('whose sender breaks off is answered, too', async () => {
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) });
    expect((await receive(post('', { body: broken, duplex: 'half' } as RequestInit))).status).toBe(400);
  });

  test('is not logged, whatever is in it', async () => {
    const { ledger: logged, lines } = testLedger(database.db);
    receive = pushReceiver({ ledger: logged, token: 'secret' });
    const { taskId } = await delegate();
    await notify(`{ "secret`);
    await notify(status('no-such-task', WORKING, at(1), 'secret'));
    await notify(status(taskId, COMPLETED, at(1), 'secret'));
    expect(JSON.stringify(lines)).not.toContain('secret');
  });
});

describe('a token', () => {
  test('may come as Bearer credentials; several are taken while one is replaced', async () => {
    receive = pushReceiver({ ledger, token: ['old', 'new'] });
    const { taskId } = await delegate();
    const body = status(taskId, WORKING, at(1));
    const answers = [
      { 'x-a2a-notification-token': 'old' },
      { authorization: 'bearer new' },
      { authorization: 'Basic new' },
    ];
    const statuses = [];
    for (const given of answers) {
      const headers = { 'x-a2a-notification-token': '', ...given };
      statuses.push((await receive(post(body, { headers }))).status);
    }
    expect(statuses).toEqual([204, 204, 401]);
  });

  test.each([[''], [[]], [['a', '']], [undefined]])('%j is refused when the receiver is made', (token) => {
    expect(() => pushReceiver({ ledger, token: token as string })).toThrow('token');
  });
});

describe('the task of a notification', () => {
  test('that two agents have is the one of the receiver’s agent, and nobody’s where it has none', async () => {
    const mine = await delegate({ taskId: 'shared' });
    const other = await delegate({ taskId: 'shared', agentUrl: 'https://other.example' });
    const body = status('shared', COMPLETED, at(1));
    expect(await notify(body)).toBe(404);
    receive = pushReceiver({ ledger, token: 'secret', agentUrl: `${agentUrl}/` });
    expect(await notify(body)).toBe(204);
    expect([(await mine.row()).status, (await other.row()).status]).toEqual(['completed', 'queued']);
  });

  test('may be told apart by tenant, and by caller', async () => {
    const [one, two] = [
      await delegate({ taskId: 'tenants', tenant: 'one' }),
      await delegate({ taskId: 'tenants', tenant: 'two' }),
    ];
    receive = pushReceiver({ ledger, token: 'secret', agentUrl, tenant: 'two' });
    expect(await notify(status('tenants', COMPLETED, at(1)))).toBe(204);
    expect([(await one.row()).status, (await two.row()).status]).toEqual(['queued', 'completed']);
    const [ours, theirs] = [
      await delegate({ taskId: 'callers' }),
      await delegate({ taskId: 'callers', callerId: 'other' }),
    ];
    receive = pushReceiver({ ledger, token: 'secret', callerId: 'planner' });
    expect(await notify(status('callers', COMPLETED, at(1)))).toBe(204);
    expect([(await ours.row()).status, (await theirs.row()).status]).toEqual(['completed', 'queued']);
  });

  test('is the caller’s delegation, where the agent keeps one of its own in the same ledger', async () => {
    const { taskId, row } = await delegate();
    const callee = { delegationId: `callee-${taskId}`, callerId: 'a2a', calleeId: 'coder', taskPreview: 'work' };
    await ledger.a2aTasks.begin(callee, { agentUrl, taskId });
    expect(await notify(status(taskId, COMPLETED, at(1)))).toBe(204);
    expect((await row()).status).toBe('completed');
    expect((await ledger.get(callee.delegationId))?.status).toBe('queued');
  });

  test('cannot be looked up while the ledger is away: the sender may come again', async () => {
    const { taskId } = await delegate();
    await database.query('ALTER TABLE a2a_tasks RENAME TO away');
    try {
      expect(await notify(status(taskId, WORKING, at(1)))).toBe(503);
    } finally {
      await database.query('ALTER TABLE away RENAME TO a2a_tasks');
    }
    expect(await notify(status(taskId, WORKING, at(1)))).toBe(204);
  });
});

/** As a server of Node's hands it over. */
function requestOf(incoming: IncomingMessage): Request {
  const headers = new Headers(incoming.headersDistinct as Record<string, string[]> as never);
  return new Request('http://orchestrator.example/push', {
    method: incoming.method!,
    headers,
    body: Readable.toWeb(incoming) as ReadableStream,
    duplex: 'half',
  } as RequestInit);
}
