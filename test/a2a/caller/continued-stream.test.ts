import { type Artifact, type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';
import { expect, test } from '@jest/globals';
import { continuedStream } from '../../../src/a2a/caller/continued-stream.ts';
import { Reconnection, type Stream } from '../../../src/a2a/caller/reconnection.ts';
import { SeenTask } from '../../../src/a2a/caller/seen-task.ts';
import { agentMessage, artifactOf, taskOf } from '../../support/a2a/messages.ts';

const { TASK_STATE_WORKING: WORKING, TASK_STATE_COMPLETED: COMPLETED, TASK_STATE_AUTH_REQUIRED: AUTH } = TaskState;
const ids = { taskId: 't', contextId: 'c' };
const stamp = '2026-01-01T00:00:00.000Z';

const task = (state: TaskState, text = '', artifacts: Artifact[] = []): StreamResponse => ({
  payload: { $case: 'task', value: { ...taskOf('t', 'c', state), status: statusOf(state, text), artifacts } },
});
const status = (state: TaskState, text = ''): StreamResponse => ({
  payload: { $case: 'statusUpdate', value: { ...ids, status: statusOf(state, text), metadata: undefined } },
});
const chunk = (text: string, append = true): StreamResponse => ({
  payload: {
    $case: 'artifactUpdate',
    value: { ...ids, artifact: artifactOf(text, 'a'), append, lastChunk: false, metadata: undefined },
  },
});
const artifact = (...texts: string[]): Artifact => ({
  ...artifactOf('', 'a'),
  parts: texts.flatMap((text) => artifactOf(text, 'a').parts),
});

function statusOf(state: TaskState, text: string): NonNullable<Task['status']> {
  return { state, timestamp: stamp, message: text === '' ? undefined : agentMessage(text, ids) };
}

/** What a reader gets whose streams are these, one after the other: an Error breaks one. */
async function read(...streams: readonly (readonly (StreamResponse | Error)[])[]): Promise<StreamResponse[]> {
  const seen = new SeenTask(0);
  let next = 0;
  const open = async function* (): Stream {
    for (const event of streams[next++] ?? [new Error('away')]) {
      if (event instanceof Error) throw event;
      yield event;
    }
  };
  const ask = async (): Promise<Task> => {
    throw new Error('away');
  };
  const reconnection = new Reconnection({ subscribe: open, ask, opensWithSnapshot: true }, 60_000, undefined);
  const events: StreamResponse[] = [];
  for await (const { event } of continuedStream({ stream: open(), isSubscription: false }, seen, reconnection)) {
    seen.take(event);
    events.push(event);
  }
  return events;
}

/** The text of the one artifact, as a reader has it that folds its events. */
function folded(events: readonly StreamResponse[]): string {
  let texts: string[] = [];
  const textsOf = (of: Artifact | undefined) => (of?.parts ?? []).map(({ content }) => String(content?.value));
  for (const { payload } of events) {
    if (payload?.$case === 'task') texts = textsOf(payload.value.artifacts[0]);
    if (payload?.$case !== 'artifactUpdate') continue;
    const more = textsOf(payload.value.artifact);
    texts = payload.value.append ? [...texts, ...more] : more;
  }
  return texts.join('');
}

const reset = new Error('reset');

test('a snapshot that the reader has seen is left out, one that it has not is delivered', async () => {
  const first = [task(WORKING), chunk('one', false), reset];
  const same = [task(WORKING, '', [artifact('one')]), status(COMPLETED)];
  expect(kinds(await read(first, same))).toEqual(['task', 'artifactUpdate', 'statusUpdate']);
  const more = [task(WORKING, '', [artifact('one', 'two')]), status(COMPLETED)];
  const events = await read(first, more);
  expect(kinds(events)).toEqual(['task', 'artifactUpdate', 'task', 'statusUpdate']);
  expect(folded(events)).toBe('onetwo');
});

test('what the snapshot held already, and the subscription brings again, is left out once', async () => {
  const first = [task(WORKING), chunk('one', false), reset];
  const subscribed = [
    task(WORKING, 'half', [artifact('one', 'two')]),
    // Published before the snapshot was made, and waiting for the subscription.
    chunk('two'),
    status(WORKING, 'half'),
    // The same again, by an agent that says it again.
    chunk('two'),
    status(WORKING, 'half'),
    status(COMPLETED),
  ];
  const naive = [...first.slice(0, -1), ...subscribed] as StreamResponse[];
  expect(folded(naive)).toBe('onetwotwotwo');
  const events = await read(first, subscribed);
  expect(folded(events)).toBe('onetwotwo');
  expect(kinds(events).slice(2)).toEqual(['task', 'artifactUpdate', 'statusUpdate', 'statusUpdate']);
});

test('after a snapshot without news nothing is a repetition, however alike it is', async () => {
  const events = await read(
    [task(WORKING, 'beat'), reset],
    [task(WORKING, 'beat'), status(WORKING, 'beat'), status(WORKING, 'beat'), status(COMPLETED)],
  );
  expect(kinds(events)).toEqual(['task', 'statusUpdate', 'statusUpdate', 'statusUpdate']);
});

test('a subscription of protocol 0.3 may open without a snapshot', async () => {
  const events = await read([task(WORKING), reset], [status(WORKING, 'half'), reset], [status(COMPLETED)]);
  expect(kinds(events)).toEqual(['task', 'statusUpdate', 'statusUpdate']);
});

test('a stream that ends while a person authorises is at its end, one that breaks is not', async () => {
  expect(kinds(await read([task(WORKING), status(AUTH)], [status(COMPLETED)]))).toEqual(['task', 'statusUpdate']);
  const broken = await read([task(WORKING), status(AUTH), reset], [task(AUTH), status(COMPLETED)]);
  expect(kinds(broken)).toEqual(['task', 'statusUpdate', 'statusUpdate']);
});

test('a subscription that shows the end stands for a stream that has ended', async () => {
  const events = await read([task(WORKING), reset], [task(COMPLETED), status(WORKING, 'never read')]);
  expect(kinds(events)).toEqual(['task', 'task']);
});

test('an error that the agent gives before it names a task is the reader’s, at once', async () => {
  await expect(read([reset], [task(COMPLETED)])).rejects.toBe(reset);
});

function kinds(events: readonly StreamResponse[]): (string | undefined)[] {
  return events.map(({ payload }) => payload?.$case);
}
