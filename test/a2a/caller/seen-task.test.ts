import { type Artifact, type Message, type StreamResponse, TaskState } from '@a2a-js/sdk';
import { expect, test } from '@jest/globals';
import { SeenTask } from '../../../src/a2a/caller/seen-task.ts';
import { agentMessage, artifactOf, taskOf } from '../../support/a2a/messages.ts';

const CONTENT_MAX = 64 * 1024;
const huge = 'x'.repeat(1024 * 1024);

const shown = (artifacts: Artifact[], message: Message): StreamResponse => {
  const task = taskOf('t', 'c', TaskState.TASK_STATE_WORKING);
  return { payload: { $case: 'task', value: { ...task, status: { ...task.status!, message }, artifacts } } };
};

test.each<[string, (artifact: Artifact, message: Message) => void]>([
  ['of an artifact', (artifact) => Object.assign(artifact, { metadata: { huge }, description: huge })],
  ['of a part', (artifact) => Object.assign(artifact.parts[0]!, { metadata: { huge }, filename: huge })],
  ['of a message', (_, message) => Object.assign(message, { metadata: { huge } })],
])('what is around the content %s needs room, too', (_, swell) => {
  const artifacts = Array.from({ length: 10 }, (_none, n) => artifactOf('text', `artifact-${n}`));
  const message = agentMessage('half', { taskId: 't', contextId: 'c' });
  for (const artifact of artifacts) swell(artifact, message);
  const seen = new SeenTask(CONTENT_MAX);
  const event = shown(artifacts, message);
  seen.take(event);
  expect(JSON.stringify(seen.task).length).toBeLessThan(2 * CONTENT_MAX);
  expect(seen.task.artifacts.map(({ artifactId }) => artifactId)).toEqual(
    artifacts.map(({ artifactId }) => artifactId),
  );
  expect(seen.repeats(event)).toBe(true);
});

test('what has room is kept whole', () => {
  const artifact = { ...artifactOf('text', 'a'), metadata: { by: 'coder' }, description: 'a report' };
  const message = { ...agentMessage('half', { taskId: 't', contextId: 'c' }), metadata: { step: 1 } };
  const seen = new SeenTask(CONTENT_MAX);
  seen.take(shown([artifact], message));
  expect(seen.task).toMatchObject({ artifacts: [artifact], status: { message } });
});
