import { randomUUID } from 'node:crypto';
import { Role, type Task, TaskState, type TaskStatus } from '@a2a-js/sdk';

/** A task that has failed, and why, in the words of the agent's server. */
export function failed(task: Pick<Task, 'id' | 'contextId'>, why: string): TaskStatus {
  return {
    state: TaskState.TASK_STATE_FAILED,
    message: {
      role: Role.ROLE_AGENT,
      messageId: randomUUID(),
      taskId: task.id,
      contextId: task.contextId,
      parts: [{ content: { $case: 'text', value: why }, mediaType: 'text/plain', filename: '', metadata: undefined }],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    },
    timestamp: new Date().toISOString(),
  };
}
