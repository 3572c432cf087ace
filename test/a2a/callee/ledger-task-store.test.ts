import { randomUUID } from 'node:crypto';
import type { Task, TaskState } from '@a2a-js/sdk';
import { InMemoryTaskStore, ServerCallContext, type TaskStore } from '@a2a-js/sdk/server';
import { DatabaseTaskStore } from '@a2a-js/sdk/server/database';
import { describe, expect, test } from '@jest/globals';
import { forwardOnly, LedgerTaskStore } from '../../../src/a2a/index.ts';
import { DelegationLedger } from '../../../src/index.ts';
import { agentMessage, taskOf, userMessage } from '../../support/a2a/messages.ts';
import { createTaskTables } from '../../support/a2a/task-store.ts';
import { stepsOf, testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { eventually } from './eventually.ts';
import { CANCELED, COMPLETED, FAILED, INPUT_REQUIRED, SUBMITTED, WORKING } from './publishing.ts';
import { agentUrl } from './served-agent.ts';

const database = useDatabase();
let tables: Promise<void> | undefined;

const context = (tenant?: string, userName = 'ada') =>
  new ServerCallContext({ ...(tenant !== undefined && { tenant }), user: { isAuthenticated: true, userName } });

const newTask = (state: TaskState, id: string = randomUUID(), text?: string): Task => {
  const task = taskOf(id, 'c-1', state, { history: [userMessage('fix it')] });
  task.status!.message = text === undefined ? undefined : agentMessage(text);
  return task;
};

function storeOver(inner: TaskStore, ledger = testLedger(database.db).ledger) {
  return { ledger, store: new LedgerTaskStore(inner, { ledger, agentUrl, calleeId: 'coder' }) };
}

async function databaseStore(guarded: boolean): Promise<TaskStore> {
  tables ??= createTaskTables(database.url);
  await tables;
  return new DatabaseTaskStore(guarded ? forwardOnly(database.db) : database.db);
}

const find = (ledger: DelegationLedger, taskId: string, tenant?: string) =>
  ledger.a2aTasks.find({ agentUrl, taskId, tenant }, { calleeId: 'coder' });

describe.each([
  ['in memory', async () => new InMemoryTaskStore()],
  ["the SDK's own in PostgreSQL", () => databaseStore(true)],
])('over a store %s', (_, inner) => {
  test('what is saved is what the delegation does', async () => {
    const { ledger, store } = storeOver(await inner());
    const id = randomUUID();
    await store.save(newTask(SUBMITTED, id), context());
    await eventually(async () =>
      expect(await find(ledger, id)).toMatchObject({ status: 'dispatched', callerId: 'ada' }),
    );
    await store.save(newTask(WORKING, id, 'reading'), context());
    await eventually(async () =>
      expect(await find(ledger, id)).toMatchObject({ status: 'in_progress', progress: 'reading' }),
    );
    await store.save(newTask(INPUT_REQUIRED, id, 'which branch?'), context());
    await eventually(async () =>
      expect(await find(ledger, id)).toMatchObject({ waitingReason: 'a2a: INPUT_REQUIRED: which branch?' }),
    );
    await store.save(newTask(COMPLETED, id, 'done'), context());
    expect(await find(ledger, id)).toMatchObject({ status: 'completed', resultPreview: 'done', waitingUntil: null });
    expect(await store.load(id, context())).toMatchObject({ id, status: { state: COMPLETED } });
    expect((await store.list({ pageSize: 10 } as never, context())).tasks.map((task) => task.id)).toContain(id);
  });

  test('the answer to a question, which the SDK saves before its turn, does not begin the wait anew', async () => {
    const { ledger, store } = storeOver(await inner());
    const id = randomUUID();
    const asked = newTask(INPUT_REQUIRED, id, 'which branch?');
    asked.history.push(asked.status!.message!);
    await store.save(asked, context());
    await eventually(async () => expect(await find(ledger, id)).toMatchObject({ waitingUntil: expect.any(Date) }));
    const { delegationId } = (await find(ledger, id))!;
    // By the caller, who knows that it has answered.
    await ledger.resume(delegationId);
    await store.save({ ...asked, history: [...asked.history, userMessage('main')] }, context());
    await store.save(newTask(COMPLETED, id, 'done'), context());
    expect(await stepsOf(ledger, delegationId)).toEqual(['queued', 'in_progress', 'waiting', 'resumed', 'completed']);
  });

  test('a task that has ended is never revived: what is held is stored and answered', async () => {
    const { ledger, store } = storeOver(await inner());
    const id = randomUUID();
    await store.save(newTask(WORKING, id), context());
    await store.save(newTask(COMPLETED, id, 'done'), context());
    for (const state of [SUBMITTED, WORKING, INPUT_REQUIRED, FAILED, CANCELED]) {
      const revived = newTask(state, id);
      await store.save(revived, context());
      expect(revived.status).toMatchObject({ state: COMPLETED });
      expect(await store.load(id, context())).toMatchObject({ status: { state: COMPLETED } });
    }
    expect(await find(ledger, id)).toMatchObject({ status: 'completed', resultPreview: 'done' });
  });

  test('nor by a process that has only just started', async () => {
    const below = await inner();
    const id = randomUUID();
    await storeOver(below).store.save(newTask(CANCELED, id), context());
    const { store } = storeOver(below);
    // As the SDK does before it saves.
    await store.load(id, context());
    await store.save(newTask(WORKING, id), context());
    expect(await store.load(id, context())).toMatchObject({ status: { state: CANCELED } });
  });

  test('more of the same end is stored', async () => {
    const { store } = storeOver(await inner());
    const id = randomUUID();
    await store.save(newTask(FAILED, id), context());
    await store.save({ ...newTask(FAILED, id), metadata: { why: 'disk' } }, context());
    expect(await store.load(id, context())).toMatchObject({ metadata: { why: 'disk' } });
  });

  test('one id in two tenants, and of two users, is several tasks and several delegations', async () => {
    const { ledger, store } = storeOver(await inner());
    const id = randomUUID();
    await store.save(newTask(COMPLETED, id, 'north'), context('north'));
    await store.save(newTask(FAILED, id, 'south'), context('south'));
    await store.save(newTask(COMPLETED, id, 'of bob'), context('south', 'bob'));
    expect(await find(ledger, id, 'north')).toMatchObject({ status: 'completed', resultPreview: 'north' });
    const rows = await database.query(
      `SELECT t.tenant, t.user_name, d.status, d.caller_id FROM a2a_tasks t JOIN delegations d USING (delegation_id)
       WHERE t.task_id = $1 ORDER BY 1, 2`,
      [id],
    );
    expect(rows).toEqual([
      { tenant: 'north', user_name: 'ada', status: 'completed', caller_id: 'ada' },
      { tenant: 'south', user_name: 'ada', status: 'failed', caller_id: 'ada' },
      { tenant: 'south', user_name: 'bob', status: 'completed', caller_id: 'bob' },
    ]);
  });
});

describe('two servers on one table', () => {
  /**
   * One server reads the task while it works, another one cancels it, and the first one saves what it read: the
   * interleaving in which a store that overwrites blindly takes a task back.
   */
  async function interleaved(one: TaskStore, two: TaskStore): Promise<Task> {
    const id = randomUUID();
    await one.save(newTask(WORKING, id), context());
    const read = (await one.load(id, context()))!;
    await two.load(id, context());
    await two.save(newTask(CANCELED, id, 'as asked'), context());
    await one.save({ ...read, metadata: { step: 2 } }, context());
    return (await two.load(id, context()))!;
  }

  test("the SDK's own store revives a task that another server has ended", async () => {
    const revived = await interleaved(await databaseStore(false), await databaseStore(false));
    expect(revived.status?.state).toBe(WORKING);
  });

  test('with forwardOnly the table refuses it, and the ledger and the store agree', async () => {
    const [one, two] = [storeOver(await databaseStore(true)), storeOver(await databaseStore(true))];
    const task = await interleaved(one.store, two.store);
    expect(task).toMatchObject({ status: { state: CANCELED } });
    expect(await find(one.ledger, task.id)).toMatchObject({ status: 'failed', errorDetail: 'a2a: CANCELED: as asked' });
  });

  test('of ends that are saved at once, one is stored, and the ledger has the same', async () => {
    const { ledger } = testLedger(database.db);
    const servers = await Promise.all([1, 2, 3, 4].map(async () => storeOver(await databaseStore(true), ledger).store));
    for (let round = 0; round < 10; round += 1) {
      const id = randomUUID();
      await servers[0]!.save(newTask(WORKING, id), context());
      const states = [COMPLETED, FAILED, CANCELED, WORKING];
      await Promise.all(servers.map((server, i) => server.save(newTask(states[i]!, id, `of ${i}`), context())));
      const stored = (await servers[0]!.load(id, context()))!;
      expect(stored.status?.state).not.toBe(WORKING);
      await eventually(async () => {
        const expected = stored.status!.state === COMPLETED ? 'completed' : 'failed';
        expect(await find(ledger, id)).toMatchObject({ status: expected });
      });
    }
  });
});

describe('the ledger', () => {
  test('is asked in the background while a task works, and seldom: not once for each of 1000 events', async () => {
    let statements = 0;
    const counted = database.db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        statements += 1;
        return result;
      },
    });
    const { store } = storeOver(new InMemoryTaskStore(), new DelegationLedger(counted));
    const id = randomUUID();
    await store.save(newTask(SUBMITTED, id), context());
    for (let event = 0; event < 1000; event += 1) await store.save(newTask(WORKING, id, `step ${event}`), context());
    await store.save(newTask(COMPLETED, id, 'done'), context());
    // It begins, works and ends.
    expect(statements).toBeLessThanOrEqual(4);
  });

  test('does not fail a save that it cannot take', async () => {
    const { store, ledger } = storeOver(new InMemoryTaskStore());
    const long = 'x'.repeat(201);
    await store.save(newTask(COMPLETED, long), context());
    await store.save(undefined as never, context()).then(
      () => undefined,
      (err: unknown) => expect(err).toBeInstanceOf(TypeError),
    );
    const malformed = { id: randomUUID(), contextId: '', status: { state: 'pondering' }, artifacts: [null] };
    await store.save(malformed as never, context());
    expect(await store.load(long, context())).toMatchObject({ id: long });
    // A state that nobody knows is a sign of life.
    await eventually(async () => expect(await find(ledger, malformed.id)).toMatchObject({ status: 'queued' }));
  });

  test('does not hide what the store below throws', async () => {
    const { store } = storeOver({
      save: async () => {
        throw new Error('disk full');
      },
      load: async () => undefined,
      list: async () => {
        throw new Error('disk full');
      },
    });
    await expect(store.save(newTask(WORKING), context())).rejects.toThrow('disk full');
    await expect(store.list({} as never, context())).rejects.toThrow('disk full');
  });
});
