import type { StreamResponse, Task } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutionEvent, type ServerCallContext } from '@a2a-js/sdk/server';
import type { TaskWatchOptions } from './task-watch-options.ts';

/** Tells those who asked to be told of a task, outside of any call: as the SDK does in one. */
export class Announcement {
  readonly #options: TaskWatchOptions;

  constructor(options: TaskWatchOptions) {
    this.#options = options;
  }

  /** The task has ended: its subscribers in this process, and its push notifications. */
  async ended(task: Task, context: ServerCallContext): Promise<void> {
    const event = AgentEvent.statusUpdate({
      taskId: task.id,
      contextId: task.contextId,
      status: task.status,
      metadata: undefined,
    });
    const { eventBusManager } = this.#options;
    const bus = eventBusManager?.getByTaskId(task.id, context);
    if (bus !== undefined) {
      bus.publish(event);
      bus.finished();
      eventBusManager?.cleanupByTaskId(task.id, context);
    }
    await this.push(event, context, task);
  }

  /** @throws what the sender throws, for which the SDK's own does nothing but log */
  async push(event: AgentExecutionEvent, context: ServerCallContext, task: Task | undefined): Promise<void> {
    const response = { payload: { $case: event.kind, value: event.data } } as StreamResponse;
    await this.#options.pushNotificationSender?.send(response, context, task);
  }
}
