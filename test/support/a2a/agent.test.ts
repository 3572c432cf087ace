import { type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase } from '../database.ts';
import { waitFor } from '../wait-for.ts';
import { ScriptedAgent } from './agent-process.ts';
import { bindings } from './card.ts';
import { clientOf } from './client.ts';
import { request, textOf } from './messages.ts';
import { stepsOf } from './script.ts';
import { createTaskTables } from './task-store.ts';

let agent: ScriptedAgent;
let legacy: ScriptedAgent;
beforeAll(async () => {
  agent = await ScriptedAgent.start({ name: 'scripted' });
  legacy = await ScriptedAgent.start({ name: 'legacy', version: '0.3' });
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await legacy[Symbol.asyncDispose]();
});

async function eventsOf(stream: AsyncIterable<StreamResponse>): Promise<string[]> {
  const events: string[] = [];
  for await (const { payload } of stream) events.push(payload!.$case);
  return events;
}

describe.each(bindings)('a scripted agent over %s', (binding) => {
  test.each(['1.0', '0.3'] as const)('speaks %s: answers, streams, is cancelled', async (version) => {
    const server = version === '1.0' ? agent : legacy;
    const client = await clientOf(server, { binding });
    expect(client.protocolVersion).toBe(version);
    const answer = (await client.sendMessage(request('working; artifact report; complete done'))) as Task;
    expect(answer.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    expect(answer.artifacts.map(textOf)).toEqual(['report']);
    const events = await eventsOf(client.sendMessageStream(request('submitted; working; artifact a; complete')));
    expect(events).toEqual(['task', 'statusUpdate', 'artifactUpdate', 'statusUpdate']);
    const stream = client.sendMessageStream(request('working; hang'));
    const { payload } = (await stream.next()).value as StreamResponse;
    const { id } = payload!.value as Task;
    const cancelled = await client.cancelTask({ tenant: '', id, metadata: undefined });
    expect(cancelled.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
    await stream.return(undefined);
    await server.heard('cancelTask', id);
  });

  test('asks, and goes on when it is answered; replies with a message alone', async () => {
    const client = await clientOf(agent, { binding });
    const asked = (await client.sendMessage(request('working; ask which one?'))) as Task;
    expect(asked.status?.state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED);
    const done = (await client.sendMessage(request('working; complete this one', { taskId: asked.id }))) as Task;
    expect([done.id, done.status?.state]).toEqual([asked.id, TaskState.TASK_STATE_COMPLETED]);
    expect(await client.sendMessage(request('message hello'))).toMatchObject({
      parts: [{ content: { value: 'hello' } }],
    });
  });

  test('breaks a stream, and works on behind it', async () => {
    const client = await clientOf(agent, { binding });
    const gate = `cut ${binding}`;
    const seen: string[] = [];
    let id = '';
    const reading = (async () => {
      for await (const { payload } of client.sendMessageStream(
        request(`working; gate ${gate}; cut; sleep 20; complete`),
      )) {
        seen.push(payload!.$case);
        if (payload?.$case === 'task') id = payload.value.id;
        agent.open(gate);
      }
    })();
    await reading.catch(() => undefined);
    expect(seen).toEqual(['task']);
    await waitFor('the task to end', async () => {
      // The first of them may be sent on a connection that the agent is just cutting.
      const task = await client.getTask({ tenant: '', id }).catch(() => undefined);
      return task?.status?.state === TaskState.TASK_STATE_COMPLETED;
    });
  });
});

test('tasks in a database outlive the process, which is started again at the same addresses', async () => {
  await using database = await createTestDatabase();
  await createTaskTables(database.url);
  await using first = await ScriptedAgent.start({ name: 'kept', taskStoreUrl: database.url });
  const client = await clientOf(first);
  const { id } = (await client.sendMessage(request('working; hang', { returnImmediately: true }))) as Task;
  await first.signal('SIGKILL');
  await using second = await first.restart();
  expect(second.origin).toBe(first.origin);
  const { status } = await client.getTask({ tenant: '', id });
  expect(status?.state).toBe(TaskState.TASK_STATE_WORKING);
});

test('its stamps are wrong, and its answers mangled, as the test wants it', async () => {
  const mangle = { TASK_STATE_WORKING: 'TASK_STATE_PAUSED' };
  await using odd = await ScriptedAgent.start({ name: 'odd', stamps: 'frozen', mangle });
  const client = await clientOf(odd);
  const { id } = (await client.sendMessage(request('working; hang', { returnImmediately: true }))) as Task;
  const { status } = await client.getTask({ tenant: '', id });
  expect(status).toMatchObject({ state: TaskState.UNRECOGNIZED, timestamp: '2026-01-01T00:00:00.000Z' });
});

test('a script with a step that is not one is refused', () => {
  expect(() => stepsOf('working; dance')).toThrow('no step is called dance');
});
