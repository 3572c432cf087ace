import { Message, Task, TaskState, TaskStatusUpdateEvent, taskStateFromJSON } from '@a2a-js/sdk';
import type { A2aObservation } from '../index.ts';

/** What one sight of a task says of its delegation. */
export type Observation = A2aObservation;

/** Whether it ends the delegation. */
export function isEnd({ step }: Observation): boolean {
  return step === 'completed' || step === 'failed';
}

/** Of a state's message in a reason or as progress; the ledger takes 200 characters. */
const NOTE_CHARACTERS_MAX = 200;

/** What ends a task. */
export const terminalStates: ReadonlySet<TaskState> = new Set([
  TaskState.TASK_STATE_COMPLETED,
  TaskState.TASK_STATE_FAILED,
  TaskState.TASK_STATE_CANCELED,
  TaskState.TASK_STATE_REJECTED,
]);

/** What waits for something outside of the agent. */
export const interruptedStates: ReadonlySet<TaskState> = new Set([
  TaskState.TASK_STATE_INPUT_REQUIRED,
  TaskState.TASK_STATE_AUTH_REQUIRED,
]);

/**
 * What a task, an event of its stream, a push notification or a reply says of its delegation, in whichever of the SDK's
 * shapes: Task, Message, TaskStatusUpdateEvent, TaskArtifactUpdateEvent, StreamResponse or AgentExecutionEvent; a state as a
 * TaskState or by its name, of protocol 1.0 or 0.3. Undefined for what is none of these. Never throws.
 *
 *     observationOf({ taskId, contextId, status: { state: TaskState.TASK_STATE_WORKING } }); // { step: 'in_progress' }
 *     observationOf(message); // { step: 'completed', resultPreview: 'Hello', responseBody: { ... } }
 */
export function observationOf(seen: unknown): Observation | undefined {
  if (!isRecord(seen)) return undefined;
  const wrapped = unwrapped(seen);
  if (wrapped !== undefined) return observationOf(wrapped);
  if (isRecord(seen.status)) return ofStatus(seen, seen.status);
  if (isRecord(seen.artifact)) return { step: 'alive' };
  if (typeof seen.messageId === 'string' && Array.isArray(seen.parts)) {
    return {
      step: 'completed',
      ...withText('resultPreview', textOf(seen)),
      ...body(() => Message.toJSON(seen as never)),
    };
  }
  // A task or an update without a status.
  return typeof seen.taskId === 'string' || typeof seen.id === 'string' ? { step: 'alive' } : undefined;
}

/** The state of a task or of a status update; UNRECOGNIZED for one that the SDK does not know, and where there is none. */
export function stateOf(seen: unknown): TaskState {
  const state = isRecord(seen) && isRecord(seen.status) ? seen.status.state : undefined;
  return knownState(state);
}

function knownState(state: unknown): TaskState {
  if (typeof state !== 'string') return taskStateFromJSON(state);
  const known = taskStateFromJSON(state);
  // Protocol 0.3: `input-required`.
  return known === TaskState.UNRECOGNIZED
    ? taskStateFromJSON(`TASK_STATE_${state.toUpperCase().replaceAll('-', '_')}`)
    : known;
}

function ofStatus(seen: Fields, status: Fields): Observation {
  const state = knownState(status.state);
  const text = textOf(status.message);
  switch (state) {
    case TaskState.TASK_STATE_SUBMITTED:
      return { step: 'dispatched' };
    case TaskState.TASK_STATE_WORKING:
      return { step: 'in_progress', ...withText('progress', cut(text)) };
    case TaskState.TASK_STATE_INPUT_REQUIRED:
    case TaskState.TASK_STATE_AUTH_REQUIRED:
      return { step: 'waiting', reason: cut(detailOf(state, text)) };
    case TaskState.TASK_STATE_COMPLETED:
      return { step: 'completed', ...withText('resultPreview', text || artifactsText(seen)), ...bodyOf(seen) };
    case TaskState.TASK_STATE_FAILED:
    case TaskState.TASK_STATE_CANCELED:
    case TaskState.TASK_STATE_REJECTED:
      return { step: 'failed', errorDetail: detailOf(state, text), ...bodyOf(seen) };
    default:
      return { step: 'alive', ...withText('progress', cut(text)) };
  }
}

/** The payload of a StreamResponse, or the data of an AgentExecutionEvent. */
function unwrapped(seen: Fields): unknown {
  if (isRecord(seen.payload) && typeof seen.payload.$case === 'string') return seen.payload.value;
  // A task has a `kind` of its own in protocol 0.3, and no data.
  if (typeof seen.kind === 'string' && isRecord(seen.data)) return seen.data;
  return undefined;
}

/** `a2a: FAILED: out of memory`. */
function detailOf(state: TaskState, text: string): string {
  const name = TaskState[state].replace('TASK_STATE_', '');
  return text === '' ? `a2a: ${name}` : `a2a: ${name}: ${text}`;
}

function bodyOf(seen: Fields): { responseBody?: unknown } {
  return body(() =>
    typeof seen.id === 'string' ? Task.toJSON(seen as never) : TaskStatusUpdateEvent.toJSON(seen as never),
  );
}

/** What the SDK cannot write as JSON, since it is malformed, has no body. */
function body(write: () => unknown): { responseBody?: unknown } {
  try {
    return { responseBody: write() };
  } catch {
    return {};
  }
}

function artifactsText(seen: Fields): string {
  return Array.isArray(seen.artifacts) ? joined(seen.artifacts.map(textOf)) : '';
}

/** The text parts of a message or an artifact; protocol 0.3 has them as `text`. */
export function textOf(message: unknown): string {
  if (!isRecord(message) || !Array.isArray(message.parts)) return '';
  return joined(
    message.parts.map((part: unknown) => {
      if (!isRecord(part)) return '';
      const { content, text } = part;
      const value = isRecord(content) && content.$case === 'text' ? content.value : text;
      return typeof value === 'string' ? value : '';
    }),
  );
}

function joined(texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join('\n');
}

function cut(text: string): string {
  return text.length <= NOTE_CHARACTERS_MAX
    ? text
    : [...text.slice(0, 2 * NOTE_CHARACTERS_MAX)].slice(0, NOTE_CHARACTERS_MAX).join('');
}

function withText<Name extends string>(name: Name, text: string): { [Field in Name]?: string } {
  return text === '' ? {} : ({ [name]: text } as { [Field in Name]?: string });
}

type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
