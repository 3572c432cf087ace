import { type Task, TaskState } from '@a2a-js/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import type { Database } from '../../../src/db/schema.ts';
import { createLedgerPool } from '../../../src/index.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { request } from '../../support/a2a/messages.ts';
import { stepsOf, testLedger } from '../../support/fixtures.ts';
import { Relay } from '../../support/relay.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor, waitUntilWaiting } from '../../support/wait-for.ts';
import { delegatingClient, delegationOf, eventsOf, kindsOf } from './delegating.ts';

const database = useDatabase();
let agent: ScriptedAgent;
beforeAll(async () => {
  agent = await ScriptedAgent.start({ name: 'scripted' });
});
afterAll(() => agent[Symbol.asyncDispose]());

/** A ledger whose database is away once the relay is closed. */
async function ledgerBehind(relay: Relay, undo: AsyncDisposableStack) {
  const pool = createLedgerPool(relay.urlOf(database.url), { connectionsMax: 4 });
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  undo.defer(() => db.destroy());
  return testLedger(db);
}

describe('a ledger whose database is away', () => {
  test('fails no call', async () => {
    await using undo = new AsyncDisposableStack();
    const relay = undo.use(await Relay.open(database.url));
    const { ledger, events } = await ledgerBehind(relay, undo);
    const client = await delegatingClient(agent, ledger);
    await relay.close();
    const done = (await client.sendMessage(request('working; complete done'))) as Task;
    expect(done.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    expect(kindsOf(await eventsOf(client.sendMessageStream(request('working; artifact one; complete'))))).toEqual([
      'task',
      'artifactUpdate',
      'statusUpdate',
    ]);
    expect(events('ledger.insert_failed')).toHaveLength(2);
  });

  test('is told the result when it comes back', async () => {
    await using undo = new AsyncDisposableStack();
    const relay = undo.use(await Relay.open(database.url));
    const { ledger } = await ledgerBehind(relay, undo);
    const client = await delegatingClient(agent, ledger);
    const outgoing = request('working; gate away; complete done');
    const { messageId } = outgoing.message!;
    const stream = client.sendMessageStream(outgoing);
    await stream.next();
    await waitFor('in_progress', async () => {
      return (await delegationOf(testLedger(database.db).ledger, database, messageId)).status === 'in_progress';
    });
    await relay.close();
    agent.open('away');
    expect(kindsOf(await eventsOf(stream))).toEqual(['statusUpdate']);
    await relay.open();
    const row = () => delegationOf(testLedger(database.db).ledger, database, messageId);
    await waitFor('the result', async () => (await row()).status === 'completed');
    expect(await row()).toMatchObject({ resultPreview: 'done' });
  });
});

describe('a ledger that hangs', () => {
  test('delays one call by its bound, and no other; what it missed is written when it goes on', async () => {
    const { ledger } = testLedger(database.db);
    const client = await delegatingClient(agent, ledger, { transport: { ledgerWaitMaxMs: 300 } });
    const lock = await database.connect();
    await lock.query('BEGIN');
    await lock.query('LOCK TABLE delegations IN ACCESS EXCLUSIVE MODE');
    const first = request('submitted; working; complete done');
    const startedAtMs = performance.now();
    const sending = client.sendMessage(first);
    await waitUntilWaiting(database, 1);
    expect(await sending).toMatchObject({ status: { state: TaskState.TASK_STATE_COMPLETED } });
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(300);
    // While an answer is overdue, nothing is waited for: both calls end before the lock does.
    const others = await Promise.all([1, 2].map(() => client.sendMessage(request('working; complete'))));
    expect(others).toHaveLength(2);
    await waitUntilWaiting(database, 3);
    await lock.query('COMMIT');
    await lock.end();
    const row = () => delegationOf(ledger, database, first.message!.messageId).catch(() => undefined);
    await waitFor('the result', async () => (await row())?.status === 'completed');
    expect(await stepsOf(ledger, (await row())!.delegationId)).toEqual(['queued', 'in_progress', 'completed']);
  });
});

describe('a ledger that has given the delegation up', () => {
  test('keeps the result that comes after all as a late one', async () => {
    const { ledger } = testLedger(database.db);
    const client = await delegatingClient(agent, ledger);
    const outgoing = request('working; gate given-up; working half; complete done');
    const stream = client.sendMessageStream(outgoing);
    await stream.next();
    const row = () => delegationOf(ledger, database, outgoing.message!.messageId);
    await waitFor('in_progress', async () => (await row()).status === 'in_progress');
    await ledger.setStatus((await row()).delegationId, 'stuck', { errorDetail: 'no heartbeat' });
    agent.open('given-up');
    await eventsOf(stream);
    await waitFor('the late result', async () =>
      (await stepsOf(ledger, (await row()).delegationId)).includes('late_result'),
    );
    expect((await row()).status).toBe('stuck');
  });
});

describe('what is wrong with the options', () => {
  test('of a message costs its record, never the call', async () => {
    const { ledger, events } = testLedger(database.db);
    const choices = [
      () => {
        throw new Error('no choice');
      },
      () => null as never,
      () => ({ calleeId: '' }),
      () => ({ deadlineMs: Number.NaN }),
    ];
    for (const delegation of choices) {
      const client = await delegatingClient(agent, ledger, { transport: { delegation } });
      expect(await client.sendMessage(request('complete'))).toMatchObject({ status: { state: 3 } });
    }
    expect(events('ledger.insert_failed')).toHaveLength(2);
  });

  test.each([
    [{ callerId: '' }, 'callerId'],
    [{ ledgerWaitMaxMs: -1 }, 'ledgerWaitMaxMs'],
    [{ ledgerWaitMaxMs: Number.NaN }, 'ledgerWaitMaxMs'],
    [{ reconnectForMs: 1e12 }, 'reconnectForMs'],
    [{ waitForMs: 0 }, 'waitForMs'],
    [{ ledger: undefined as never }, 'ledger'],
  ])('of the transport, %j, is said when it is made', async (transport, field) => {
    const { ledger } = testLedger(database.db);
    await expect(async () => delegatingClient(agent, ledger, { transport })).rejects.toMatchObject({ field });
  });
});
