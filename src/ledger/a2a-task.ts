import { assertId, assertText, storableText } from './arguments.ts';
import { InvalidArgumentError } from './errors.ts';
import { AGENT_URL_BYTES_MAX, ID_LENGTH_MAX } from './limits.ts';

/** An A2A task, by which a delegation is found. */
export interface A2aTask {
  /** Where the agent is called, as in its card: at most 500 bytes. Credentials, a fragment and a last slash do not count. */
  readonly agentUrl: string;
  /** At most 200 characters; default: none. */
  readonly tenant?: string | null | undefined;
  /** As the agent gave it: 1 to 200 characters. */
  readonly taskId: string;
  /** Not kept where it has more than 200 characters. */
  readonly contextId?: string | null | undefined;
  /** The agent's side alone: in whose name its task store holds the task. At most 200 characters. */
  readonly userName?: string | null | undefined;
}

/** A task that a push notification is about. What is not given may be any. */
export interface NotifiedA2aTask {
  readonly taskId: string;
  readonly agentUrl?: string | null | undefined;
  readonly tenant?: string | null | undefined;
  readonly callerId?: string | null | undefined;
}

/** An A2A task as the tables hold it. */
export interface StoredA2aTask {
  readonly agentUrl: string;
  readonly tenant: string;
  readonly taskId: string;
  readonly contextId: string | null;
  readonly userName: string | null;
}

/** @throws InvalidArgumentError */
export function storedA2aTask(task: A2aTask | undefined): StoredA2aTask {
  if (typeof task !== 'object' || task === null) throw new InvalidArgumentError('task', 'must be an object');
  const { agentUrl, taskId, tenant, contextId, userName } = task;
  assertId('taskId', taskId);
  return {
    agentUrl: agentUrlOf(agentUrl),
    tenant: tenant == null ? '' : shortText('tenant', tenant),
    taskId,
    contextId: typeof contextId === 'string' && isShort(contextId) ? storableText('contextId', contextId) : null,
    userName: userName == null ? null : shortText('userName', userName),
  };
}

/**
 * One form for the ways in which one agent's address is written. What is no URL, as an address of gRPC, stays as it is.
 * @throws InvalidArgumentError
 */
export function agentUrlOf(value: unknown): string {
  assertText('agentUrl', value);
  const text = normalised(value.trim());
  const bytes = Buffer.byteLength(text);
  if (bytes >= 1 && bytes <= AGENT_URL_BYTES_MAX) return text;
  throw new InvalidArgumentError('agentUrl', `must have 1 to ${AGENT_URL_BYTES_MAX} bytes, not ${bytes}`);
}

function normalised(text: string): string {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return text;
  const url = new URL(text);
  url.username = '';
  url.password = '';
  url.hash = '';
  return url.href.replace(/\/+$/, '');
}

function shortText(field: string, value: unknown): string {
  assertText(field, value);
  if (value.length <= ID_LENGTH_MAX) return value;
  throw new InvalidArgumentError(field, `must have at most ${ID_LENGTH_MAX} characters, not ${value.length}`);
}

function isShort(text: string): boolean {
  return text.length >= 1 && text.length <= ID_LENGTH_MAX;
}
