import type { AgentExecutor, ExecutionEventBusManager, PushNotificationSender } from '@a2a-js/sdk/server';
import type { LedgerTaskStore } from './ledger-task-store.ts';

export interface TaskWatchOptions {
  readonly store: LedgerTaskStore;
  /** The request handler's own: tells whoever asked for push notifications. Default: nobody is told. */
  readonly pushNotificationSender?: PushNotificationSender | undefined;
  /** The request handler's own: those who subscribed to a task in this process see its end. */
  readonly eventBusManager?: ExecutionEventBusManager | undefined;
  /**
   * What becomes of the tasks that a process of this agent left open when it ended. `fail` (default): they fail, and their
   * callers are told. `leave`: the ledger gives them up in its time. Or the executor that goes on with them, as
   * ledgerExecutor returns it: it gets the task and its last message again.
   */
  readonly former?: 'fail' | 'leave' | { readonly resume: AgentExecutor } | undefined;
  /**
   * A task is of a process that has ended when its delegation has had no heartbeat for so many milliseconds. Default: three
   * tenths of its threshold, at most three minutes. As long again, but 20 s at most, it has to stay silent while the ledger
   * can be reached: after an outage of it all are silent. 0 where this process is the agent's only one.
   */
  readonly formerSilentMs?: number | undefined;
  /** Milliseconds between two looks into the ledger, at least 100. Default 5000. */
  readonly everyMs?: number | undefined;
}
