import type { Task } from '@a2a-js/sdk';
import { type AgentExecutor, InMemoryPushNotificationStore, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { describe, expect, jest, test } from '@jest/globals';
import { TaskWatch } from '../../../src/a2a/index.ts';
import { type DelegationLedger, openLedger } from '../../../src/index.ts';
import { request, textOf } from '../../support/a2a/messages.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { eventually } from './eventually.ts';
import { COMPLETED, FAILED, INPUT_REQUIRED, publishing, WORKING } from './publishing.ts';
import { agentUrl, serveAgent, serveWebhook } from './served-agent.ts';

const database = useDatabase({ per: 'test' });
// The SDK says on the console whom it has notified.
jest.spyOn(console, 'info').mockImplementation(() => {});

const asking: Partial<AgentExecutor> = {
  execute: async (context, bus) => {
    const { task, status } = publishing(context, bus);
    task(WORKING);
    status(INPUT_REQUIRED, 'which branch?');
  },
};

/** As a process that was killed: its executor never returns. */
const hanging: Partial<AgentExecutor> = {
  execute: async (context, bus) => {
    publishing(context, bus).task(WORKING);
    await new Promise(() => {});
  },
};

const delegationOf = (ledger: DelegationLedger, taskId: string) =>
  eventually(async () => {
    const found = await ledger.a2aTasks.find({ agentUrl, taskId }, { calleeId: 'coder' });
    expect(found).toMatchObject({ status: 'in_progress' });
    return found!;
  });

describe('what the ledger gave up while nobody executes it', () => {
  test('fails in the task store, says why, and its push notifications go out: from one of two replicas', async () => {
    const { ledger } = testLedger(database.db);
    await using webhook = await serveWebhook();
    const [taskStore, pushStore] = [new InMemoryTaskStore(), new InMemoryPushNotificationStore()];
    await using one = await serveAgent({ ledger, executor: asking, taskStore, pushStore });
    await using two = await serveAgent({ ledger, executor: asking, taskStore, pushStore });
    const client = await one.client('planner');
    const push = { url: webhook.url, token: 'secret' };
    const { id } = (await client.sendMessage(request('fix it', { push }))) as Task;
    const { delegationId } = await delegationOf(ledger, id);
    await ledger.setStatus(delegationId, 'failed', { errorDetail: 'deadline exceeded', actor: 'sweeper' });

    const options = { everyMs: 100 };
    await using first = new TaskWatch({
      ...options,
      store: one.store,
      pushNotificationSender: one.pushNotificationSender,
    });
    await using second = new TaskWatch({
      ...options,
      store: two.store,
      pushNotificationSender: two.pushNotificationSender,
    });
    const why = 'given up: the delegation is failed: deadline exceeded';
    await eventually(async () => expect(webhook.posts.at(-1)).toEqual({ state: 'TASK_STATE_FAILED', text: why }));
    for (let look = 0; look < 3; look += 1) await Promise.all([first.look(), second.look()]);
    expect(webhook.posts.filter(({ state }) => state === 'TASK_STATE_FAILED')).toHaveLength(1);
    const task = await client.getTask({ id, tenant: '' });
    expect([task.status?.state, textOf(task.status!.message!)]).toEqual([FAILED, why]);
    const history = await ledger.history(delegationId);
    expect(history.filter(({ event }) => event === 'delegation.late_result')).toEqual([]);
    await expect(client.sendMessage(request('main', { taskId: id }))).rejects.toThrow('terminal state');
  });

  test('is the end of the stream of whoever subscribed to it in this process', async () => {
    const { ledger } = testLedger(database.db);
    await using agent = await serveAgent({ ledger, executor: asking });
    const client = await agent.client();
    const { id } = (await client.sendMessage(request('fix it'))) as Task;
    const { delegationId } = await delegationOf(ledger, id);
    const stream = client.resubscribeTask({ id, tenant: '' });
    expect(await stream.next()).toMatchObject({ value: { payload: { value: { status: { state: INPUT_REQUIRED } } } } });
    await ledger.setStatus(delegationId, 'stuck', { errorDetail: 'no heartbeat for 630s' });
    await using watch = new TaskWatch({ store: agent.store, eventBusManager: agent.eventBusManager });
    await watch.look();
    expect(await stream.next()).toMatchObject({ value: { payload: { value: { status: { state: FAILED } } } } });
    expect(await stream.next()).toMatchObject({ done: true });
  });

  test('but has a result in the store: the ledger records it, and the task stays as it is', async () => {
    const { ledger } = testLedger(database.db);
    const taskStore = new InMemoryTaskStore();
    await using agent = await serveAgent({ ledger, executor: asking, taskStore });
    const { id } = (await (await agent.client()).sendMessage(request('fix it'))) as Task;
    const { delegationId } = await delegationOf(ledger, id);
    await ledger.setStatus(delegationId, 'stuck', { errorDetail: 'no heartbeat for 630s' });
    // A process that ended between the store and the ledger.
    const context = { tenant: undefined, user: undefined } as never;
    const task = (await taskStore.load(id, context))!;
    await taskStore.save({ ...task, status: { state: COMPLETED, message: undefined, timestamp: undefined } }, context);
    await using watch = new TaskWatch({ store: agent.store });
    await watch.look();
    const history = await ledger.history(delegationId);
    expect(history.at(-1)).toMatchObject({ event: 'delegation.late_result', detail: { attempted: 'completed' } });
    expect((await taskStore.load(id, context))!.status?.state).toBe(COMPLETED);
  });
});

describe('a task of a former process', () => {
  /** Its heartbeats end with it, as if it had been killed, unless `goesOn`. */
  async function left(executor: Partial<AgentExecutor>, { goesOn = false } = {}) {
    const { ledger, logger } = testLedger(database.db);
    const [taskStore, pushStore] = [new InMemoryTaskStore(), new InMemoryPushNotificationStore()];
    const own = await openLedger(database.url, { logger });
    await using former = await serveAgent({ ledger: goesOn ? ledger : own, executor, taskStore, pushStore });
    const client = await former.client();
    const { id } = (await client.sendMessage(request('fix it', { returnImmediately: true }))) as Task;
    const { delegationId } = await delegationOf(ledger, id);
    if (executor === asking) {
      await eventually(async () =>
        expect(await ledger.get(delegationId)).toMatchObject({ waitingReason: expect.any(String) }),
      );
    }
    await own[Symbol.asyncDispose]();
    return { ledger, taskStore, pushStore, id, delegationId };
  }

  test('fails, and the ledger is told', async () => {
    const { ledger, taskStore, pushStore, id, delegationId } = await left(hanging);
    await using agent = await serveAgent({ ledger, executor: hanging, taskStore, pushStore });
    await using watch = new TaskWatch({ store: agent.store, former: 'fail', formerSilentMs: 0 });
    await watch.look();
    const why = 'the process that worked on the task has ended';
    expect(await ledger.get(delegationId)).toMatchObject({ status: 'failed', errorDetail: `a2a: FAILED: ${why}` });
    const task = await (await agent.client()).getTask({ id, tenant: '' });
    expect([task.status?.state, textOf(task.status!.message!)]).toEqual([FAILED, why]);
    const open: unknown[] = [];
    for await (const one of ledger.a2aTasks.open({ agentUrl })) open.push(one);
    expect(open).toEqual([]);
  });

  test('is gone on with by the executor that was given, with its last message', async () => {
    const { ledger, taskStore, pushStore, id, delegationId } = await left(hanging);
    await using agent = await serveAgent({
      ledger,
      taskStore,
      pushStore,
      executor: {
        execute: async (context, bus) => {
          const { task, status } = publishing(context, bus);
          task(WORKING);
          status(COMPLETED, `${textOf(context.userMessage)}: done by the next one`);
        },
      },
    });
    await using watch = new TaskWatch({ store: agent.store, former: { resume: agent.executor }, formerSilentMs: 0 });
    await watch.look();
    await eventually(async () =>
      expect(await ledger.get(delegationId)).toMatchObject({
        status: 'completed',
        resultPreview: 'fix it: done by the next one',
      }),
    );
    const task = await (await agent.client()).getTask({ id, tenant: '' });
    expect(task.status?.state).toBe(COMPLETED);
  });

  test('is left alone while its heartbeats go on, while it waits for a person, and where that is asked', async () => {
    const waiting = await left(asking);
    await using agent = await serveAgent({ ...waiting, executor: asking });
    const { store } = agent;
    await using fail = new TaskWatch({ store, former: 'fail', formerSilentMs: 0 });
    await fail.look();
    const working = await left(hanging, { goesOn: true });
    await using other = await serveAgent({ ...working, executor: hanging });
    await using alive = new TaskWatch({ store: other.store, former: 'fail' });
    await alive.look();
    await using leave = new TaskWatch({ store: other.store, former: 'leave', formerSilentMs: 0 });
    await leave.look();
    for (const { ledger, delegationId } of [waiting, working]) {
      expect(await ledger.get(delegationId)).toMatchObject({ status: 'in_progress' });
    }
  });

  test('is not taken for one because the ledger was away: it has time to be heard again', async () => {
    const { ledger, taskStore, pushStore, id, delegationId } = await left(hanging, { goesOn: true });
    await using agent = await serveAgent({ ledger, executor: hanging, taskStore, pushStore });
    const away = () =>
      database.query(
        `UPDATE delegations SET last_heartbeat = now() - interval '1 hour', updated_at = now() - interval '1 hour'`,
      );
    await away();
    await using watch = new TaskWatch({ store: agent.store, former: 'fail' });
    await watch.look();
    expect(await ledger.get(delegationId)).toMatchObject({ status: 'in_progress' });
    await ledger.heartbeat(delegationId);
    await watch.look();
    expect(await ledger.get(delegationId)).toMatchObject({ status: 'in_progress' });
    // One that stays silent has ended.
    await using other = new TaskWatch({ store: agent.store, former: 'fail', formerSilentMs: 200, everyMs: 100 });
    await eventually(async () => expect(await ledger.get(delegationId)).toMatchObject({ status: 'failed' }));
    await other.stop();
    expect((await (await agent.client()).getTask({ id, tenant: '' })).status?.state).toBe(FAILED);
  });

  test('that its store no longer holds fails in the ledger', async () => {
    const { ledger, delegationId } = await left(hanging);
    await using agent = await serveAgent({ ledger, executor: hanging });
    await using watch = new TaskWatch({ store: agent.store, formerSilentMs: 0 });
    await watch.look();
    expect(await ledger.get(delegationId)).toMatchObject({
      status: 'failed',
      errorDetail: 'a2a: FAILED: the task store no longer holds the task',
    });
  });
});

test('what this process executes is left to it', async () => {
  const { ledger } = testLedger(database.db);
  const done = Promise.withResolvers<void>();
  await using agent = await serveAgent({
    ledger,
    executor: {
      execute: async (context, bus) => {
        const { task, status } = publishing(context, bus);
        task(WORKING);
        await done.promise;
        status(COMPLETED, 'done');
      },
    },
  });
  const client = await agent.client();
  const answer = client.sendMessage(request('think'));
  await using watch = new TaskWatch({ store: agent.store, formerSilentMs: 0, everyMs: 100 });
  await eventually(async () => {
    const open: unknown[] = [];
    for await (const one of ledger.a2aTasks.open({ agentUrl })) open.push(one);
    expect(open).toHaveLength(1);
  });
  await watch.look();
  done.resolve();
  expect(((await answer) as Task).status?.state).toBe(COMPLETED);
});

test('a ledger that is away is logged, and asked again', async () => {
  const { ledger, events } = testLedger(database.db);
  await using agent = await serveAgent({ ledger, executor: asking });
  await database.query('ALTER TABLE a2a_tasks RENAME TO away');
  await using watch = new TaskWatch({ store: agent.store, everyMs: 100 });
  await eventually(async () => expect(events('ledger.a2a_failed').length).toBeGreaterThan(1));
  await database.query('ALTER TABLE away RENAME TO a2a_tasks');
  await watch.look();
});
