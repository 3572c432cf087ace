import { type StreamResponse, TaskState } from '@a2a-js/sdk';
import type { Client, RequestOptions } from '@a2a-js/sdk/client';
import { TaskNotFoundError, UnsupportedOperationError } from '@a2a-js/sdk/errors';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DelegationLedger } from '../../../src/ledger/ledger.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { bindings } from '../../support/a2a/card.ts';
import { clientOf } from '../../support/a2a/client.ts';
import { request } from '../../support/a2a/messages.ts';
import { stepsOf, testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { type DelegatingOptions, delegatingClient, delegationOf, eventsOf } from './delegating.ts';
import { Spy } from './spied.ts';

const database = useDatabase();
let agent: ScriptedAgent;
let ledger: DelegationLedger;
beforeAll(async () => {
  agent = await ScriptedAgent.start({ name: 'scripted' });
  ledger = testLedger(database.db).ledger;
});
afterAll(() => agent[Symbol.asyncDispose]());

async function spiedClient(options: DelegatingOptions = {}) {
  const spy = new Spy();
  return { spy, client: await delegatingClient(agent, ledger, { ...options, inside: spy.inside }) };
}

/** Each event's kind, and its state. */
const shown = (events: readonly StreamResponse[]) =>
  events.map(({ payload }) => {
    const status = payload?.$case === 'task' || payload?.$case === 'statusUpdate' ? payload.value.status : undefined;
    return `${payload?.$case} ${status === undefined ? '' : TaskState[status.state].replace('TASK_STATE_', '')}`.trim();
  });

/** Reads a stream in the background. */
function reading(stream: AsyncIterable<StreamResponse>, onEvent: (count: number) => void = () => undefined) {
  const events: StreamResponse[] = [];
  const end = (async () => {
    for await (const event of stream) onEvent(events.push(event));
  })();
  end.catch(() => undefined);
  return { events, end };
}

let streams = 0;

/** Reads a stream whose connection breaks after its first event; `then` is what the agent does behind it. */
function readBroken(client: Client, then: string, options?: RequestOptions) {
  streams += 1;
  const gate = `cut ${streams}`;
  const outgoing = request(`working; gate ${gate}; cut; ${then}`);
  const read = reading(client.sendMessageStream(outgoing, options), (count) => {
    if (count === 1) agent.open(gate);
  });
  return { ...read, delegation: () => delegationOf(ledger, database, outgoing.message!.messageId) };
}

describe.each(bindings)('a stream over %s whose connection breaks', (binding) => {
  test('goes on with a subscription, without what its reader has seen', async () => {
    const { spy, client } = await spiedClient({ binding });
    const gate = `subscribed ${binding}`;
    const script = `gate ${gate}; working half; artifact one; artifact two; complete done`;
    const { events, end, delegation } = readBroken(client, script);
    await spy.heardOf('resubscribeTask: task');
    agent.open(gate);
    await end;
    expect(shown(events)).toEqual([
      'task WORKING',
      'statusUpdate WORKING',
      'artifactUpdate',
      'artifactUpdate',
      'statusUpdate COMPLETED',
    ]);
    const row = await delegation();
    expect(row).toMatchObject({ status: 'completed', resultPreview: 'done' });
    expect(await stepsOf(ledger, row.delegationId)).toEqual(['queued', 'in_progress', 'completed']);
  });

  test('goes on with the task as it is by then, where the subscription comes too late', async () => {
    const { spy, client } = await spiedClient({ binding });
    const gate = `late ${binding}`;
    spy.instead.resubscribeTask = () => {
      delete spy.instead.resubscribeTask;
      agent.open(gate);
      throw new Error('not yet');
    };
    const { events, end, delegation } = readBroken(client, `gate ${gate}; artifact one; complete done`);
    await end;
    expect(shown(events).at(-1)).toMatch(/^(task|statusUpdate) COMPLETED$/);
    expect(await delegation()).toMatchObject({ status: 'completed', resultPreview: 'done' });
  });
});

describe('a stream that breaks', () => {
  test('is followed by polls where the agent takes no subscription', async () => {
    const { spy, client } = await spiedClient();
    spy.instead.resubscribeTask = () => {
      throw new UnsupportedOperationError();
    };
    const { events, end, delegation } = readBroken(client, 'gate polled; working half; complete done');
    await spy.heardOf('getTask: answered');
    expect(events).toHaveLength(1);
    agent.open('polled');
    await end;
    expect(shown(events).at(-1)).toBe('task COMPLETED');
    expect(await delegation()).toMatchObject({ status: 'completed', resultPreview: 'done' });
  });

  test('ends with its own error where nothing takes its place in time', async () => {
    const { spy, client } = await spiedClient({ transport: { reconnectForMs: 300 } });
    const away = () => {
      throw new Error('away');
    };
    spy.instead = { resubscribeTask: away, getTask: away };
    const ours = readBroken(client, 'hang');
    const [ourEnd] = await Promise.allSettled([ours.end]);
    const [bareEnd] = await Promise.allSettled([readBroken(await clientOf(agent), 'hang').end]);
    expect(ourEnd.status).toBe('rejected');
    expect(ourEnd).toEqual(bareEnd);
    expect(shown(ours.events)).toEqual(['task WORKING']);
    // A connection says nothing about the work.
    expect((await ours.delegation()).status).toBe('in_progress');
  });

  test('ends with its own error at once where its task is not there any more', async () => {
    const { spy, client } = await spiedClient();
    const gone = () => {
      throw new TaskNotFoundError();
    };
    spy.instead = { resubscribeTask: gone, getTask: gone };
    await expect(readBroken(client, 'hang').end).rejects.not.toThrow('Task not found');
    expect(spy.count('getTask')).toBe(1);
  });

  test('is not taken up again where that is not wanted', async () => {
    const { spy, client } = await spiedClient({ transport: { reconnectForMs: 0 } });
    await expect(readBroken(client, 'hang').end).rejects.toThrow();
    expect(spy.count('resubscribeTask')).toBe(0);
  });

  test('is left in peace once its reader aborts', async () => {
    const { spy, client } = await spiedClient();
    const abort = new AbortController();
    spy.instead.resubscribeTask = () => {
      abort.abort();
      throw new Error('away');
    };
    await expect(readBroken(client, 'hang', { signal: abort.signal }).end).rejects.toThrow();
    expect(spy.count('resubscribeTask')).toBe(1);
    expect(spy.count('getTask: answered')).toBe(0);
  });
});

test('the stream of an agent that was killed, and comes back without its tasks, ends with its own error', async () => {
  await using undo = new AsyncDisposableStack();
  const mortal = undo.use(await ScriptedAgent.start({ name: 'mortal' }));
  const spy = new Spy();
  const client = await delegatingClient(mortal, ledger, { inside: spy.inside });
  const outgoing = request('working; gate die; die');
  const { events, end } = reading(client.sendMessageStream(outgoing), () => mortal.open('die'));
  await spy.heardOf('getTask: failed');
  undo.use(await mortal.restart());
  await expect(end).rejects.not.toThrow('Task not found');
  expect(shown(events)).toEqual(['task WORKING']);
  // Whether the agent works on is not known: the sweep judges its silence.
  expect((await delegationOf(ledger, database, outgoing.message!.messageId)).status).toBe('in_progress');
});

test('a reader that leaves closes the stream, and nothing is asked of the agent any more', async () => {
  const { spy, client } = await spiedClient();
  const outgoing = request('working; gate left; complete');
  for await (const { payload } of client.sendMessageStream(outgoing)) {
    expect(payload?.$case).toBe('task');
    break;
  }
  agent.open('left');
  expect(spy.heard).toEqual(['sendMessageStream', 'sendMessageStream: task', 'sendMessageStream: left']);
  expect((await delegationOf(ledger, database, outgoing.message!.messageId)).status).toBe('in_progress');
});

describe('a stream that ends cleanly', () => {
  test('before its task is at rest is asked for again; the agent that confirms it is believed', async () => {
    const { spy, client } = await spiedClient();
    const outgoing = request('working; artifact one');
    const events = await eventsOf(client.sendMessageStream(outgoing));
    expect(shown(events)).toEqual(['task WORKING', 'artifactUpdate']);
    expect(spy.count('resubscribeTask: ended')).toBe(3);
    expect((await delegationOf(ledger, database, outgoing.message!.messageId)).status).toBe('in_progress');
  });

  test.each(['ask which one?', 'complete', 'fail', 'reject'])('with %s is at its end', async (step) => {
    const { spy, client } = await spiedClient();
    await eventsOf(client.sendMessageStream(request(`working; ${step}`)));
    expect(spy.count('resubscribeTask')).toBe(0);
  });
});

describe('a subscription that the caller makes', () => {
  test('opens with a snapshot, which is no sign of life; what follows is', async () => {
    const { spy, client } = await spiedClient();
    const outgoing = request('working; gate snapshot; working half; gate end; complete done', {
      returnImmediately: true,
    });
    const answer = await client.sendMessage(outgoing);
    const row = () => delegationOf(ledger, database, outgoing.message!.messageId);
    const before = await row();
    expect(before.status).toBe('in_progress');
    const { events, end } = reading(client.resubscribeTask({ tenant: '', id: (answer as { id: string }).id }));
    await spy.heardOf('resubscribeTask: task');
    expect((await row()).lastHeartbeat).toEqual(before.lastHeartbeat);
    agent.open('snapshot');
    await spy.heardOf('resubscribeTask: statusUpdate');
    agent.open('end');
    await end;
    expect(shown(events)).toEqual(['task WORKING', 'statusUpdate WORKING', 'statusUpdate COMPLETED']);
    expect(await row()).toMatchObject({ status: 'completed', resultPreview: 'done' });
  });

  test('of a task that has ended fails as the agent says, and leaves the delegation as it is', async () => {
    const { client } = await spiedClient();
    const outgoing = request('working; complete done');
    const { id } = (await client.sendMessage(outgoing)) as { id: string };
    await expect(eventsOf(client.resubscribeTask({ tenant: '', id }))).rejects.toThrow('terminal state');
    expect((await delegationOf(ledger, database, outgoing.message!.messageId)).status).toBe('completed');
  });
});
