import { type Task, TaskState } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DelegationLedger } from '../../../src/ledger/ledger.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { bindings } from '../../support/a2a/card.ts';
import { type RequestFields, request } from '../../support/a2a/messages.ts';
import { stepsOf, testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { delegatingClient, delegationOf, eventsOf, kindsOf } from './delegating.ts';

const database = useDatabase();
const agents: Record<string, ScriptedAgent> = {};
beforeAll(async () => {
  agents['1.0'] = await ScriptedAgent.start({ name: 'scripted' });
  agents['0.3'] = await ScriptedAgent.start({ name: 'legacy', version: '0.3' });
});
afterAll(async () => {
  for (const agent of Object.values(agents)) await agent[Symbol.asyncDispose]();
});

const places = (['1.0', '0.3'] as const).flatMap((version) => bindings.map((binding) => [version, binding] as const));

describe.each(places)('a message of protocol %s over %s', (version, binding) => {
  let ledger: DelegationLedger;
  let client: Client;
  let agent: ScriptedAgent;
  beforeAll(async () => {
    ledger = testLedger(database.db).ledger;
    agent = agents[version]!;
    client = await delegatingClient(agent, ledger, { binding });
    expect(client.protocolVersion).toBe(version);
  });

  /** A gate is open for good once it is opened. */
  const gate = (name: string) => `${name}-${version}-${binding}`;

  /** Sends a message, and what became of its delegation. */
  async function send(script: string, fields: RequestFields = {}) {
    const outgoing = request(script, fields);
    const answer = (await client.sendMessage(outgoing)) as Task;
    return { answer, messageId: outgoing.message!.messageId };
  }
  const delegation = (messageId: string) => delegationOf(ledger, database, messageId);

  test('is a delegation from the call to the result', async () => {
    const { answer, messageId } = await send('submitted; working; artifact report; complete');
    expect(answer.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    const row = await delegation(messageId);
    expect(row).toMatchObject({
      callerId: 'planner',
      calleeId: agent.card.supportedInterfaces[0]!.url,
      taskPreview: 'submitted; working; artifact report; complete',
      status: 'completed',
      resultPreview: 'report',
    });
    expect(row.delegationId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await stepsOf(ledger, row.delegationId)).toEqual(['queued', 'in_progress', 'completed']);
  });

  test('is followed as the agent streams, and its artifacts are the result', async () => {
    const [first, second] = [gate('working'), gate('done')];
    const outgoing = request(`submitted; gate ${first}; working; gate ${second}; artifact one; artifact two; complete`);
    const { messageId } = outgoing.message!;
    const events = [];
    for await (const event of client.sendMessageStream(outgoing)) {
      events.push(event);
      if (events.length === 1) {
        await waitFor('dispatched', async () => (await delegation(messageId)).status === 'dispatched');
        agent.open(first);
      } else if (events.length === 2) {
        await waitFor('in_progress', async () => (await delegation(messageId)).status === 'in_progress');
        agent.open(second);
      }
    }
    expect(kindsOf(events)).toEqual(['task', 'statusUpdate', 'artifactUpdate', 'artifactUpdate', 'statusUpdate']);
    const row = await delegation(messageId);
    expect(row).toMatchObject({ status: 'completed', resultPreview: 'one\ntwo' });
    expect(await stepsOf(ledger, row.delegationId)).toEqual(['queued', 'dispatched', 'in_progress', 'completed']);
  });

  test('that is answered by a message alone has that message as its result', async () => {
    const { messageId } = await send('message hello');
    expect(await delegation(messageId)).toMatchObject({ status: 'completed', resultPreview: 'hello' });
    const outgoing = request('message hello again');
    expect(kindsOf(await eventsOf(client.sendMessageStream(outgoing)))).toEqual(['message']);
    const row = await delegation(outgoing.message!.messageId);
    expect(row).toMatchObject({ status: 'completed', resultPreview: 'hello again' });
  });

  test.each([
    ['fail out of memory', 'a2a: FAILED: out of memory'],
    ['reject not my trade', 'a2a: REJECTED: not my trade'],
    ['throw boom', 'a2a: FAILED: Agent execution error: boom'],
  ])('%s: the delegation has failed, and says so', async (end, errorDetail) => {
    const { messageId } = await send(`working; ${end}`);
    expect(await delegation(messageId)).toMatchObject({ status: 'failed', errorDetail });
  });

  test('that asks back waits, and goes on with the next message of its task', async () => {
    const first = await send('working; ask which one?');
    const { id: taskId, contextId } = first.answer;
    const waiting = await delegation(first.messageId);
    expect(waiting).toMatchObject({ status: 'in_progress', waitingReason: 'a2a: INPUT_REQUIRED: which one?' });
    const second = await send('working; complete that one', { taskId, contextId });
    expect(second.answer).toMatchObject({ id: taskId, status: { state: TaskState.TASK_STATE_COMPLETED } });
    const row = await delegation(first.messageId);
    expect(row).toMatchObject({ status: 'completed', waitingUntil: null, resultPreview: 'that one' });
    expect(await stepsOf(ledger, row.delegationId)).toEqual([
      'queued',
      'in_progress',
      'waiting',
      'resumed',
      'completed',
    ]);
    await expect(delegation(second.messageId)).rejects.toThrow('began no delegation');
  });

  test('that is answered at once is followed by polls, of which one without a change is no sign of life', async () => {
    const going = gate('going');
    const { answer, messageId } = await send(`working; gate ${going}; complete`, { returnImmediately: true });
    const poll = () => client.getTask({ tenant: '', id: answer.id });
    const lastHeartbeat = async () => (await delegation(messageId)).lastHeartbeat;
    await waitFor('in_progress', async () => (await poll()) && (await delegation(messageId)).status === 'in_progress');
    const before = await lastHeartbeat();
    for (let n = 0; n < 3; n += 1) await poll();
    expect(await lastHeartbeat()).toEqual(before);
    agent.open(going);
    await waitFor('the end', async () => (await poll()).status?.state === TaskState.TASK_STATE_COMPLETED);
    expect(await delegation(messageId)).toMatchObject({ status: 'completed' });
  });

  test('that is cancelled has failed', async () => {
    const { answer, messageId } = await send('working; hang', { returnImmediately: true });
    const cancelled = await client.cancelTask({ tenant: '', id: answer.id, metadata: undefined });
    expect(cancelled.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
    expect(await delegation(messageId)).toMatchObject({ status: 'failed', errorDetail: 'a2a: CANCELED' });
  });

  test('that the agent refuses has failed, and the caller gets its error', async () => {
    const lost = request('working', { taskId: 'no-such-task' });
    await expect(client.sendMessage(lost)).rejects.toThrow('Task not found');
    expect(await delegation(lost.message!.messageId)).toMatchObject({
      status: 'failed',
      errorDetail: 'a2a: TASK_NOT_FOUND: Task not found: no-such-task',
    });
    const malformed = request('working');
    malformed.message!.messageId = '';
    await expect(client.sendMessage(malformed)).rejects.toThrow('messageId');
    const [row] = await database.query<{ status: string; error_detail: string }>(
      'SELECT status, error_detail FROM delegations WHERE idempotency_key IS NULL ORDER BY created_at DESC LIMIT 1',
    );
    expect(row).toMatchObject({ status: 'failed', error_detail: expect.stringContaining('messageId') });
  });
});
