import { randomUUID } from 'node:crypto';
import { type Artifact, type Message, Role, type SendMessageRequest, type Task, type TaskState } from '@a2a-js/sdk';

/** Whose fields a test chooses; the others are empty. */
export type MessageFields = Partial<Pick<Message, 'messageId' | 'taskId' | 'contextId' | 'metadata'>>;

export function userMessage(text: string, fields: MessageFields = {}): Message {
  return messageOf(Role.ROLE_USER, text, fields);
}

export function agentMessage(text: string, fields: MessageFields = {}): Message {
  return messageOf(Role.ROLE_AGENT, text, fields);
}

export type RequestFields = MessageFields & {
  readonly tenant?: string;
  readonly returnImmediately?: boolean;
  readonly push?: { readonly url: string; readonly token: string };
};

/** A message to an agent, as a client sends it: to a scripted one, the text is its script. */
export function request(
  text: string,
  { tenant = '', returnImmediately = false, push, ...fields }: RequestFields = {},
): SendMessageRequest {
  return {
    tenant,
    message: userMessage(text, fields),
    configuration: {
      acceptedOutputModes: [],
      returnImmediately,
      taskPushNotificationConfig: push && {
        tenant,
        id: 'push',
        taskId: '',
        url: push.url,
        token: push.token,
        authentication: undefined,
      },
    },
    metadata: undefined,
  };
}

export function artifactOf(text: string, artifactId: string): Artifact {
  return {
    artifactId,
    name: artifactId,
    description: '',
    parts: partsOf(text),
    metadata: undefined,
    extensions: [],
  };
}

export function taskOf(id: string, contextId: string, state: TaskState, rest: Partial<Task> = {}): Task {
  return {
    id,
    contextId,
    status: { state, message: undefined, timestamp: new Date().toISOString() },
    artifacts: [],
    history: [],
    metadata: undefined,
    ...rest,
  };
}

function messageOf(role: Role, text: string, fields: MessageFields): Message {
  return {
    messageId: randomUUID(),
    contextId: '',
    taskId: '',
    role,
    parts: partsOf(text),
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
    ...fields,
  };
}

function partsOf(text: string): Message['parts'] {
  return [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: 'text/plain' }];
}

/** The text of a message's parts. */
export function textOf({ parts }: Pick<Message, 'parts'>): string {
  return parts.map(({ content }) => (content?.$case === 'text' ? content.value : '')).join('');
}
