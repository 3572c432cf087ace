import { type Artifact, type Message, Role, type Task, TaskState, type TaskStatusUpdateEvent } from '@a2a-js/sdk';
import { AgentEvent } from '@a2a-js/sdk/server';
import { describe, expect, test } from '@jest/globals';
import { observationOf, stateOf } from '../../src/a2a/task-state.ts';

const message = (text: string): Message => ({
  messageId: 'm-1',
  contextId: 'c-1',
  taskId: 't-1',
  role: Role.ROLE_AGENT,
  parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: '' }],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
});

const update = (state: TaskState, text?: string): TaskStatusUpdateEvent => ({
  taskId: 't-1',
  contextId: 'c-1',
  status: { state, message: text === undefined ? undefined : message(text), timestamp: undefined },
  metadata: undefined,
});

const task = (state: TaskState, text?: string, artifacts: Artifact[] = []): Task => ({
  id: 't-1',
  contextId: 'c-1',
  status: update(state, text).status,
  artifacts,
  history: [],
  metadata: undefined,
});

const artifact = (text: string): Artifact => ({
  artifactId: 'a-1',
  name: '',
  description: '',
  parts: message(text).parts,
  metadata: undefined,
  extensions: [],
});

describe('each state of a task is one observation', () => {
  test.each([
    [TaskState.TASK_STATE_UNSPECIFIED, { step: 'alive', progress: 'text' }],
    [TaskState.TASK_STATE_SUBMITTED, { step: 'dispatched' }],
    [TaskState.TASK_STATE_WORKING, { step: 'in_progress', progress: 'text' }],
    [TaskState.TASK_STATE_COMPLETED, { step: 'completed', resultPreview: 'text' }],
    [TaskState.TASK_STATE_FAILED, { step: 'failed', errorDetail: 'a2a: FAILED: text' }],
    [TaskState.TASK_STATE_CANCELED, { step: 'failed', errorDetail: 'a2a: CANCELED: text' }],
    [TaskState.TASK_STATE_REJECTED, { step: 'failed', errorDetail: 'a2a: REJECTED: text' }],
    [TaskState.TASK_STATE_INPUT_REQUIRED, { step: 'waiting', reason: 'a2a: INPUT_REQUIRED: text' }],
    [TaskState.TASK_STATE_AUTH_REQUIRED, { step: 'waiting', reason: 'a2a: AUTH_REQUIRED: text' }],
    [TaskState.UNRECOGNIZED, { step: 'alive', progress: 'text' }],
    [99 as TaskState, { step: 'alive', progress: 'text' }],
  ])('%s', (state, expected) => {
    expect(observationOf(update(state, 'text'))).toMatchObject(expected);
    expect(observationOf(task(state, 'text'))).toMatchObject(expected);
    expect(observationOf(AgentEvent.statusUpdate(update(state, 'text')))).toMatchObject(expected);
    expect(observationOf({ payload: { $case: 'statusUpdate', value: update(state, 'text') } })).toMatchObject(expected);
    expect(observationOf({ payload: { $case: 'task', value: task(state, 'text') } })).toMatchObject(expected);
  });

  test('every TaskState of the SDK is in the table above', () => {
    const states = Object.values(TaskState).filter((state) => typeof state === 'number');
    expect(states.toSorted((a, b) => a - b)).toEqual([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('a state by its name, as in JSON', () => {
  test.each([
    ['TASK_STATE_WORKING', { step: 'in_progress' }],
    ['working', { step: 'in_progress' }],
    ['input-required', { step: 'waiting', reason: 'a2a: INPUT_REQUIRED' }],
    ['auth-required', { step: 'waiting', reason: 'a2a: AUTH_REQUIRED' }],
    ['submitted', { step: 'dispatched' }],
    ['canceled', { step: 'failed', errorDetail: 'a2a: CANCELED' }],
    ['unknown', { step: 'alive' }],
    ['pondering', { step: 'alive' }],
    ['', { step: 'alive' }],
    [null, { step: 'alive' }],
    [{}, { step: 'alive' }],
  ])('%j', (state, expected) => {
    expect(observationOf({ id: 't-1', kind: 'task', status: { state } })).toMatchObject(expected);
    expect(observationOf({ taskId: 't-1', kind: 'status-update', status: { state } })).toMatchObject(expected);
  });
});

describe('a result', () => {
  test('is the message of the state, or the text of the artifacts, and the whole task', () => {
    expect(observationOf(task(TaskState.TASK_STATE_COMPLETED, undefined, [artifact('one'), artifact('two')]))).toEqual({
      step: 'completed',
      resultPreview: 'one\ntwo',
      responseBody: {
        id: 't-1',
        contextId: 'c-1',
        status: { state: 'TASK_STATE_COMPLETED' },
        artifacts: [artifact('one'), artifact('two')].map(() => expect.objectContaining({ artifactId: 'a-1' })),
      },
    });
  });

  test('is a message alone, where the agent makes no task', () => {
    const expected = { step: 'completed', resultPreview: 'Hello', responseBody: { messageId: 'm-1' } };
    expect(observationOf(message('Hello'))).toMatchObject(expected);
    expect(observationOf(AgentEvent.message(message('Hello')))).toMatchObject(expected);
    expect(observationOf({ payload: { $case: 'message', value: message('Hello') } })).toMatchObject(expected);
  });

  test('that the SDK cannot write as JSON has no body', () => {
    const malformed = { id: 't-1', status: { state: 3 }, artifacts: [null] };
    expect(observationOf(malformed)).toEqual({ step: 'completed' });
  });
});

test('an artifact, and a task without a status, are signs of life', () => {
  expect(observationOf({ taskId: 't-1', contextId: 'c-1', artifact: artifact('part') })).toEqual({ step: 'alive' });
  expect(observationOf({ ...task(2), status: undefined })).toEqual({ step: 'alive' });
});

test.each([undefined, null, 0, 'text', [], {}, { payload: { $case: 'task' } }, { payload: undefined }])(
  '%j says nothing',
  (seen) => {
    expect(observationOf(seen)).toBeUndefined();
  },
);

test('notes are cut to 200 characters, never inside one', () => {
  const long = `${'x'.repeat(199)}\u{1f600}\u{1f600}`;
  expect(observationOf(update(TaskState.TASK_STATE_WORKING, long))).toEqual({
    step: 'in_progress',
    progress: `${'x'.repeat(199)}\u{1f600}`,
  });
});

test('the state of what has none is not recognised', () => {
  expect([stateOf(undefined), stateOf({}), stateOf({ status: {} })]).toEqual([-1, -1, -1]);
  expect(stateOf(task(TaskState.TASK_STATE_WORKING))).toBe(TaskState.TASK_STATE_WORKING);
});
