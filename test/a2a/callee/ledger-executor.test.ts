import type { Message, StreamResponse, Task } from '@a2a-js/sdk';
import { InMemoryTaskStore } from '@a2a-js/sdk/server';
import { DatabaseTaskStore } from '@a2a-js/sdk/server/database';
import { describe, expect, jest, test } from '@jest/globals';
import { forwardOnly } from '../../../src/a2a/index.ts';
import type { DelegationLedger } from '../../../src/index.ts';
import { request, textOf } from '../../support/a2a/messages.ts';
import { createTaskTables } from '../../support/a2a/task-store.ts';
import { stepsOf, testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { eventually } from './eventually.ts';
import { CANCELED, COMPLETED, FAILED, INPUT_REQUIRED, publishing, SUBMITTED, WORKING } from './publishing.ts';
import { agentUrl, serveAgent } from './served-agent.ts';

const database = useDatabase();
// The SDK says on the console what an executor throws, and which update it ignores.
for (const level of ['error', 'warn', 'info'] as const) jest.spyOn(console, level).mockImplementation(() => {});

const stateAndText = ({ status }: Task) => [status?.state, status?.message && textOf(status.message)];

/** The delegation of a task, once it is there. */
async function delegationOf(ledger: DelegationLedger, { id, tenant }: { id: string; tenant?: string }) {
  return eventually(async () => {
    const found = await ledger.a2aTasks.find({ agentUrl, tenant, taskId: id }, { calleeId: 'coder' });
    expect(found).toBeDefined();
    return found!;
  });
}

describe('an executor that', () => {
  test('finishes: the ledger holds the result when its caller is answered', async () => {
    const { ledger } = testLedger(database.db);
    await using agent = await serveAgent({
      ledger,
      executor: {
        execute: async (context, bus) => {
          const { task, status } = publishing(context, bus);
          task(SUBMITTED);
          status(WORKING, 'reading');
          status(COMPLETED, 'done');
        },
      },
    });
    const client = await agent.client('planner');
    const task = (await client.sendMessage(request('fix it'))) as Task;
    expect(stateAndText(task)).toEqual([COMPLETED, 'done']);
    const found = await ledger.a2aTasks.find({ agentUrl, taskId: task.id }, { calleeId: 'coder' });
    expect(found).toMatchObject({
      status: 'completed',
      callerId: 'planner',
      calleeId: 'coder',
      taskPreview: 'fix it',
      resultPreview: 'done',
    });
    expect(await stepsOf(ledger, found!.delegationId)).toEqual(['queued', 'in_progress', 'completed']);
    const open = await database.query('SELECT FROM a2a_tasks WHERE task_id = $1 AND store_state = $2', [
      task.id,
      'open',
    ]);
    expect(open).toEqual([]);
  });

  test('returns without an end: its waiting caller is told, and its delegation fails at once', async () => {
    const { ledger } = testLedger(database.db);
    await using agent = await serveAgent({
      ledger,
      executor: {
        execute: async (context, bus) => {
          const { task, status } = publishing(context, bus);
          task(SUBMITTED);
          status(WORKING);
        },
      },
    });
    const client = await agent.client();
    const task = (await client.sendMessage(request('fix it'))) as Task;
    const why = 'the agent returned without ending the task';
    expect(stateAndText(task)).toEqual([FAILED, why]);
    expect(stateAndText(await client.getTask({ id: task.id, tenant: '' }))).toEqual([FAILED, why]);
    expect(await delegationOf(ledger, task)).toMatchObject({
      status: 'failed',
      callerId: 'a2a',
      errorDetail: `a2a: FAILED: ${why}`,
    });
  });

  test('returns without an end in a stream: the stream ends with it', async () => {
    const { ledger } = testLedger(database.db);
    await using agent = await serveAgent({
      ledger,
      executor: { execute: async (context, bus) => publishing(context, bus).task(WORKING) },
    });
    const client = await agent.client();
    const seen: StreamResponse[] = [];
    for await (const event of client.sendMessageStream(request('fix it'))) seen.push(event);
    expect(seen.map(({ payload }) => payload?.$case)).toEqual(['task', 'statusUpdate']);
    expect(seen.at(-1)).toMatchObject({ payload: { value: { status: { state: FAILED } } } });
  });

  test('returns without a word: the SDK answers as it does alone, and the delegation fails', async () => {
    const { ledger } = testLedger(database.db);
    await using agent = await serveAgent({ ledger, executor: { execute: async () => {} } });
    const client = await agent.client();
    const message = request('fix it');
    await expect(client.sendMessage(message)).rejects.toThrow('Agent execution finished without a result');
    await eventually(async () => {
      const [row] = await database.query<{ error_detail: string }>(
        'SELECT error_detail FROM delegations WHERE idempotency_key = $1',
        [message.message!.messageId],
      );
      expect(row?.error_detail).toBe('a2a: the agent returned without a task or a message');
    });
  });

  test('throws: its task and its delegation fail with the reason', async () => {
    const { ledger } = testLedger(database.db);
    await using agent = await serveAgent({
      ledger,
      executor: {
        execute: async (context, bus) => {
          publishing(context, bus).task(WORKING);
          throw new Error('no disk space');
        },
      },
    });
    const client = await agent.client();
    const task = (await client.sendMessage(request('fix it'))) as Task;
    expect(task.status?.state).toBe(FAILED);
    expect(await delegationOf(ledger, task)).toMatchObject({
      status: 'failed',
      errorDetail: 'a2a: FAILED: Agent execution error: no disk space',
    });
  });

  test('replies with a message alone: the delegation is completed with it', async () => {
    const { ledger } = testLedger(database.db);
    await using agent = await serveAgent({
      ledger,
      executor: { execute: async (context, bus) => publishing(context, bus).message('Hello') },
    });
    const client = await agent.client();
    const message = request('hi');
    expect(textOf((await client.sendMessage(message)) as Message)).toBe('Hello');
    await eventually(async () => {
      const rows = await database.query('SELECT status, result_preview FROM delegations WHERE idempotency_key = $1', [
        message.message!.messageId,
      ]);
      expect(rows).toEqual([{ status: 'completed', result_preview: 'Hello' }]);
    });
  });

  test('is silent: it has heartbeats as long as it executes', async () => {
    const { ledger } = testLedger(database.db);
    const done = Promise.withResolvers<void>();
    await using agent = await serveAgent({
      ledger,
      options: { stuckAfterMs: 1000 },
      executor: {
        execute: async (context, bus) => {
          const { task, status } = publishing(context, bus);
          task(WORKING);
          await done.promise;
          status(COMPLETED);
        },
      },
    });
    const client = await agent.client();
    const task = (await client.sendMessage(request('think', { returnImmediately: true }))) as Task;
    const { delegationId } = await delegationOf(ledger, task);
    const heardAtMs = async () => (await ledger.get(delegationId))!.lastHeartbeat?.getTime() ?? 0;
    const firstMs = await eventually(async () => {
      const atMs = await heardAtMs();
      expect(atMs).toBeGreaterThan(0);
      return atMs;
    });
    await eventually(async () => expect(await heardAtMs()).toBeGreaterThan(firstMs + 300));
    done.resolve();
    await eventually(async () => expect(await ledger.get(delegationId)).toMatchObject({ status: 'completed' }));
  });

  test('asks: the delegation waits, and goes on with the answer', async () => {
    const { ledger } = testLedger(database.db);
    await using agent = await serveAgent({
      ledger,
      executor: {
        execute: async (context, bus) => {
          const { task, status } = publishing(context, bus);
          task(context.task === undefined ? SUBMITTED : WORKING);
          if (context.task === undefined) status(INPUT_REQUIRED, 'which branch?');
          else status(COMPLETED, textOf(context.userMessage));
        },
      },
    });
    const client = await agent.client();
    const asked = (await client.sendMessage(request('fix it'))) as Task;
    const waiting = await eventually(async () => {
      const found = await delegationOf(ledger, asked);
      expect(found).toMatchObject({ status: 'in_progress', waitingReason: 'a2a: INPUT_REQUIRED: which branch?' });
      return found;
    });
    const answer = request('main', { taskId: asked.id, contextId: asked.contextId });
    expect(stateAndText((await client.sendMessage(answer)) as Task)).toEqual([COMPLETED, 'main']);
    const { delegationId } = waiting;
    await eventually(async () => expect(await ledger.get(delegationId)).toMatchObject({ status: 'completed' }));
    expect(await stepsOf(ledger, delegationId)).toEqual(['queued', 'in_progress', 'waiting', 'resumed', 'completed']);
    const { length } = await database.query('SELECT FROM a2a_tasks WHERE task_id = $1', [asked.id]);
    expect(length).toBe(1);
  });
});

describe('the ledger ends a delegation while its executor works', () => {
  test('its caller is told why, and the executor is asked to stop', async () => {
    const { ledger } = testLedger(database.db);
    const stopped = Promise.withResolvers<string>();
    await using agent = await serveAgent({
      ledger,
      options: { stuckAfterMs: 1000 },
      executor: {
        execute: async (context, bus) => {
          publishing(context, bus).task(WORKING);
          await stopped.promise;
        },
        cancelTask: async (taskId) => stopped.resolve(taskId),
      },
    });
    const client = await agent.client();
    const answer = client.sendMessage(request('think')) as Promise<Task>;
    const [row] = await eventually(async () => {
      const rows = await database.query<{ delegation_id: string }>(
        `SELECT d.delegation_id FROM delegations d WHERE d.task_preview = 'think' AND d.status = 'in_progress'`,
      );
      expect(rows).toHaveLength(1);
      return rows;
    });
    await ledger.setStatus(row!.delegation_id, 'stuck', { errorDetail: 'no heartbeat for 630s', actor: 'sweeper' });
    const task = await answer;
    expect(stateAndText(task)).toEqual([FAILED, 'given up: the delegation is stuck: no heartbeat for 630s']);
    expect(await stopped.promise).toBe(task.id);
    // What the agent's own server said of it is no late result.
    await eventually(async () => {
      const open = await database.query('SELECT FROM a2a_tasks WHERE task_id = $1 AND store_state = $2', [
        task.id,
        'open',
      ]);
      expect(open).toEqual([]);
    });
    expect(await stepsOf(ledger, row!.delegation_id)).toEqual(['queued', 'in_progress', 'stuck']);
  });

  test('a result that it publishes all the same is recorded as late', async () => {
    const { ledger } = testLedger(database.db);
    await using agent = await serveAgent({
      ledger,
      executor: {
        execute: async (context, bus) => {
          const { task, status } = publishing(context, bus);
          task(WORKING);
          const found = await delegationOf(ledger, { id: context.taskId });
          await eventually(async () =>
            expect(await ledger.get(found.delegationId)).toMatchObject({ status: 'in_progress' }),
          );
          await ledger.setStatus(found.delegationId, 'failed', { errorDetail: 'deadline exceeded' });
          status(COMPLETED, 'done');
        },
      },
    });
    const client = await agent.client();
    const task = (await client.sendMessage(request('be late'))) as Task;
    expect(stateAndText(task)).toEqual([COMPLETED, 'done']);
    const { delegationId } = await delegationOf(ledger, task);
    await eventually(async () =>
      expect(await stepsOf(ledger, delegationId)).toEqual(['queued', 'in_progress', 'failed', 'late_result']),
    );
  });
});

test("cancelTask is the executor's, and its delegation fails", async () => {
  const { ledger } = testLedger(database.db);
  const canceled = Promise.withResolvers<void>();
  await using agent = await serveAgent({
    ledger,
    executor: {
      execute: async (context, bus) => {
        const { task, status } = publishing(context, bus);
        task(WORKING);
        await canceled.promise;
        status(CANCELED, 'as asked');
      },
      cancelTask: async () => canceled.resolve(),
    },
  });
  const client = await agent.client();
  const { id } = (await client.sendMessage(request('wait', { returnImmediately: true }))) as Task;
  expect((await client.cancelTask({ id, tenant: '', metadata: undefined })).status?.state).toBe(CANCELED);
  await eventually(async () =>
    expect(await delegationOf(ledger, { id })).toMatchObject({
      status: 'failed',
      errorDetail: 'a2a: CANCELED: as asked',
    }),
  );
});

test.each([
  ['in memory', async () => new InMemoryTaskStore()],
  [
    'in PostgreSQL',
    async () => {
      await createTaskTables(database.url);
      return new DatabaseTaskStore(forwardOnly(database.db));
    },
  ],
])(
  'cancelTask at another server on one store %s: the task stays canceled, and the executor is asked to stop',
  async (_, store) => {
    const { ledger } = testLedger(database.db);
    const taskStore = await store();
    const stopped = Promise.withResolvers<void>();
    await using one = await serveAgent({
      ledger,
      taskStore,
      options: { stuckAfterMs: 1000 },
      executor: {
        execute: async (context, bus) => {
          const { task, status } = publishing(context, bus);
          task(WORKING);
          await stopped.promise;
          // It has not noticed, and would revive its task.
          task(WORKING);
          status(COMPLETED, 'done');
        },
        cancelTask: async () => stopped.resolve(),
      },
    });
    await using two = await serveAgent({ ledger, taskStore, executor: {} });
    const client = await one.client();
    const { id } = (await client.sendMessage(request('wait', { returnImmediately: true }))) as Task;
    await eventually(async () => expect(await delegationOf(ledger, { id })).toMatchObject({ status: 'in_progress' }));
    const canceled = await (await two.client()).cancelTask({ id, tenant: '', metadata: undefined });
    expect(canceled.status?.state).toBe(CANCELED);
    await stopped.promise;
    expect((await client.getTask({ id, tenant: '' })).status?.state).toBe(CANCELED);
    expect(await delegationOf(ledger, { id })).toMatchObject({
      status: 'failed',
      errorDetail: 'a2a: CANCELED: Task cancellation requested by user.',
    });
  },
);

test("the caller's own delegation is shared, by the message's id", async () => {
  const { ledger } = testLedger(database.db);
  await using agent = await serveAgent({
    ledger,
    executor: { execute: async (context, bus) => publishing(context, bus).message('Hello') },
  });
  const client = await agent.client('planner');
  const message = request('hi');
  const delegationId = 'of-the-caller';
  await ledger.insert({
    delegationId,
    callerId: 'planner',
    calleeId: 'coder',
    taskPreview: 'hi',
    idempotencyKey: message.message!.messageId,
  });
  await client.sendMessage(message);
  await eventually(async () => expect(await ledger.get(delegationId)).toMatchObject({ status: 'completed' }));
});

test('a ledger that is away fails no call, and hears of it afterwards', async () => {
  const { ledger, events } = testLedger(database.db);
  await using agent = await serveAgent({
    ledger,
    executor: {
      execute: async (context, bus) => {
        const { task, status } = publishing(context, bus);
        task(WORKING);
        status(COMPLETED, 'done');
      },
    },
  });
  const client = await agent.client();
  await database.query('ALTER TABLE delegations RENAME TO away');
  const task = (await client.sendMessage(request('fix it'))) as Task;
  expect(stateAndText(task)).toEqual([COMPLETED, 'done']);
  expect(events('ledger.a2a_failed').length).toBeGreaterThan(0);
  await database.query('ALTER TABLE away RENAME TO delegations');
  await eventually(async () => expect(await delegationOf(ledger, task)).toMatchObject({ status: 'completed' }));
});
