import { type Message, Role, type TaskState, type TaskStatus } from '@a2a-js/sdk';

/** What an A2A agent of the fleet is asked for, as metadata of the message. */
export interface A2aWork {
  readonly workMs: number;
  readonly result: string;
}

export function messageOf(messageId: string, text: string, metadata?: Message['metadata']): Message {
  return {
    messageId,
    contextId: '',
    taskId: '',
    role: metadata === undefined ? Role.ROLE_AGENT : Role.ROLE_USER,
    parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: 'text/plain' }],
    metadata,
    extensions: [],
    referenceTaskIds: [],
  };
}

export function statusOf(state: TaskState, message?: Message): TaskStatus {
  return { state, message, timestamp: new Date().toISOString() };
}
