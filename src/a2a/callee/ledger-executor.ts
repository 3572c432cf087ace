import type { AgentExecutor, ExecutionEventBus, RequestContext } from '@a2a-js/sdk/server';
import { Execution } from './execution.ts';
import type { LedgerTaskStore } from './ledger-task-store.ts';

/**
 * The SDK's executor, followed by the ledger: the delegation is in progress and has heartbeats while it executes, however
 * long it is silent, and fails at once where it returns without an end and without asking for anything.
 *
 *     const handler = new DefaultRequestHandler(card, store, ledgerExecutor(new MyExecutor(), { store }));
 *
 * When the ledger says that the delegation has ended otherwise, the task fails with the reason, and the executor's own
 * cancelTask is called: it should stop. What the executor throws is thrown, and its events go out as they are. One whose
 * events come after it has returned, with a bus manager of its own, is not for this.
 */
export function ledgerExecutor(executor: AgentExecutor, { store }: { readonly store: LedgerTaskStore }): AgentExecutor {
  return {
    async execute(requestContext: RequestContext, eventBus: ExecutionEventBus): Promise<void> {
      await using execution = new Execution(executor, store, requestContext, eventBus);
      await executor.execute(requestContext, eventBus);
      execution.returned();
    },
    cancelTask: (taskId: string, eventBus: ExecutionEventBus) => executor.cancelTask(taskId, eventBus),
  };
}
