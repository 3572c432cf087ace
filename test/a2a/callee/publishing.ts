import { TaskState } from '@a2a-js/sdk';
import { AgentEvent, type ExecutionEventBus, type RequestContext } from '@a2a-js/sdk/server';
import { agentMessage, taskOf } from '../../support/a2a/messages.ts';

/** What an executor of a test publishes, of its own task. */
export function publishing({ taskId, contextId, task, userMessage }: RequestContext, bus: ExecutionEventBus) {
  const history = task?.history ?? [userMessage];
  return {
    task: (state: TaskState) => bus.publish(AgentEvent.task(taskOf(taskId, contextId, state, { history }))),
    status: (state: TaskState, text?: string) =>
      bus.publish(
        AgentEvent.statusUpdate({
          taskId,
          contextId,
          status: {
            state,
            message: text === undefined ? undefined : agentMessage(text, { taskId, contextId }),
            timestamp: new Date().toISOString(),
          },
          metadata: undefined,
        }),
      ),
    message: (text: string) => bus.publish(AgentEvent.message(agentMessage(text, { contextId }))),
  };
}

export const { TASK_STATE_SUBMITTED: SUBMITTED, TASK_STATE_WORKING: WORKING } = TaskState;
export const { TASK_STATE_COMPLETED: COMPLETED, TASK_STATE_FAILED: FAILED, TASK_STATE_CANCELED: CANCELED } = TaskState;
export const { TASK_STATE_INPUT_REQUIRED: INPUT_REQUIRED } = TaskState;
