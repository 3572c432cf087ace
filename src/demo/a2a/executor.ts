import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Message, Role, TaskState, type TaskStatus } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutor, type ExecutionEventBus, type RequestContext } from '@a2a-js/sdk/server';
import { resultOf, type Work } from './protocol.ts';

const SAY_EVERY_MS = 1_000;

/** Works as the message's metadata says, and says each second how far it is. */
export const demoExecutor: AgentExecutor = {
  async execute(context, bus) {
    const { role, work } = context.userMessage.metadata as { readonly role: string; readonly work: Work };
    publishTask(context, bus);
    for (let workedMs = 0; workedMs < work.workMs; workedMs += SAY_EVERY_MS) {
      if (workedMs > 0) publishStatus(context, bus, TaskState.TASK_STATE_WORKING, `${workedMs / 1000} s of work`);
      await sleep(Math.min(SAY_EVERY_MS, work.workMs - workedMs));
    }
    if (work.ending === 'completes') publishStatus(context, bus, TaskState.TASK_STATE_COMPLETED, resultOf(role));
    if (work.ending === 'asks') publishStatus(context, bus, TaskState.TASK_STATE_INPUT_REQUIRED, 'which of the two?');
  },
  async cancelTask() {},
};

/** The first event of every turn. */
function publishTask({ taskId, contextId, task, userMessage }: RequestContext, bus: ExecutionEventBus): void {
  bus.publish(
    AgentEvent.task({
      id: taskId,
      contextId,
      status: { state: TaskState.TASK_STATE_WORKING, message: undefined, timestamp: new Date().toISOString() },
      artifacts: task?.artifacts ?? [],
      history: task?.history ?? [userMessage],
      metadata: undefined,
    }),
  );
}

function publishStatus(context: RequestContext, bus: ExecutionEventBus, state: TaskState, text: string): void {
  const { taskId, contextId } = context;
  const status: TaskStatus = {
    state,
    message: messageOf(Role.ROLE_AGENT, text, { taskId, contextId }),
    timestamp: new Date().toISOString(),
  };
  bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status, metadata: undefined }));
}

export function messageOf(
  role: Role,
  text: string,
  fields: Partial<Pick<Message, 'taskId' | 'contextId' | 'metadata'>> = {},
): Message {
  return {
    messageId: randomUUID(),
    taskId: '',
    contextId: '',
    role,
    parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: 'text/plain' }],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
    ...fields,
  };
}
