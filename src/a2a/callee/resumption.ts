import { type Message, Role, type Task } from '@a2a-js/sdk';
import {
  AgentEvent,
  type AgentExecutor,
  DefaultExecutionEventBus,
  type ExecutionEventBus,
  ExecutionEventQueue,
  RequestContext,
  ResultManager,
  type ServerCallContext,
} from '@a2a-js/sdk/server';
import type { Announcement } from './announcement.ts';
import { failed } from './failure.ts';
import type { TaskWatchOptions } from './task-watch-options.ts';

interface Resumption {
  readonly task: Task;
  readonly context: ServerCallContext;
  readonly executor: AgentExecutor;
  readonly options: TaskWatchOptions;
  readonly announcement: Announcement;
}

/**
 * Goes on with a task of an earlier process, in the background, as the SDK's request handler does in a call: what the
 * executor publishes is saved and announced. False where the task has no message of its caller.
 */
export function resume(resumption: Resumption): boolean {
  const { task, context, options } = resumption;
  const message = task.history.findLast(({ role }: Message) => role === Role.ROLE_USER);
  if (message === undefined) return false;
  const request = new RequestContext(
    {
      tenant: context.tenant ?? '',
      message: { ...message, taskId: task.id, contextId: task.contextId },
      configuration: undefined,
      metadata: undefined,
    },
    task.id,
    task.contextId,
    context,
    structuredClone(task),
  );
  const bus = options.eventBusManager?.createOrGetByTaskId(task.id, context) ?? new DefaultExecutionEventBus();
  void publish(resumption, bus).catch(() => {});
  void run(resumption, bus, request);
  return true;
}

async function run({ executor, task, context, options }: Resumption, bus: ExecutionEventBus, request: RequestContext) {
  try {
    await executor.execute(request, bus);
  } catch (err) {
    const status = failed(task, `Agent execution error: ${err instanceof Error ? err.message : String(err)}`);
    bus.publish(AgentEvent.statusUpdate({ taskId: task.id, contextId: task.contextId, status, metadata: undefined }));
  } finally {
    bus.finished();
    options.eventBusManager?.cleanupByTaskId(task.id, context);
  }
}

async function publish({ context, options, announcement }: Resumption, bus: ExecutionEventBus): Promise<void> {
  const results = new ResultManager(options.store, context);
  for await (const event of new ExecutionEventQueue(bus).events()) {
    await results.processEvent(event);
    await announcement.push(event, context, structuredClone(results.getCurrentTask())).catch(() => {});
  }
}
