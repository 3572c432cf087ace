import type { Task, TaskState } from '@a2a-js/sdk';
import {
  AgentEvent,
  type AgentExecutionEvent,
  type AgentExecutor,
  type ExecutionEventBus,
  type RequestContext,
} from '@a2a-js/sdk/server';
import type { KeepAlive, Status } from '../../index.ts';
import { interruptedStates, observationOf, stateOf, terminalStates } from '../task-state.ts';
import type { AgentTask } from './agent-task.ts';
import { failed } from './failure.ts';
import { whyGivenUp } from './given-up-words.ts';
import type { LedgerTaskStore } from './ledger-task-store.ts';

const WITHOUT_END = 'the agent returned without ending the task';
const WITHOUT_TASK = 'a2a: the agent returned without a task or a message';

/** One execute() of an agent's executor, from its call to its end. Nothing here throws into it. */
export class Execution implements AsyncDisposable {
  readonly #executor: AgentExecutor;
  readonly #store: LedgerTaskStore;
  readonly #request: RequestContext;
  readonly #bus: ExecutionEventBus;
  readonly #followed: AgentTask | undefined;
  readonly #undo = new DisposableStack();
  /** The task as it was last published in this execution. */
  #published: Task | undefined;
  #state: TaskState | undefined;
  #hasReplied = false;
  #isOver = false;
  #isGivenUp = false;

  constructor(executor: AgentExecutor, store: LedgerTaskStore, request: RequestContext, bus: ExecutionEventBus) {
    this.#executor = executor;
    this.#store = store;
    this.#request = request;
    this.#bus = bus;
    this.#state = request.task === undefined ? undefined : stateOf(request.task);
    this.#followed = this.#follow();
    const heard = (event: AgentExecutionEvent) => this.#heard(event);
    bus.on('event', heard);
    this.#undo.defer(() => bus.off('event', heard));
  }

  /** Without an end, and without asking for anything, nothing more can come: the SDK closes the task's bus. */
  returned(): void {
    const { task } = this.#request;
    if (this.#hasReplied && task === undefined && this.#published === undefined) return;
    if (this.#state !== undefined && terminalStates.has(this.#state)) return;
    if (this.#state !== undefined && interruptedStates.has(this.#state)) {
      // Without a word in this turn, it asks for what it asked for before.
      if (this.#published === undefined) this.#followed?.saw(observationOf(task), 'open');
      return;
    }
    if (this.#published === undefined && task === undefined) {
      this.#followed?.saw({ step: 'failed', errorDetail: WITHOUT_TASK }, 'ended');
    } else {
      this.#publishFailure(WITHOUT_END);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    if (this.#followed !== undefined) this.#followed.executing -= 1;
    this.#undo.dispose();
  }

  #follow(): AgentTask | undefined {
    try {
      const { taskId, contextId, userMessage: message, context } = this.#request;
      const followed = this.#store.tasks.findOrBegin(context, { taskId, contextId, message });
      followed.executing += 1;
      // The agent is at work, whatever it will publish, and when.
      followed.saw({ step: 'in_progress' }, 'open');
      this.#undo.defer(followed.onLost((status) => this.#lost(status)));
      void followed.delegationId.then((delegationId) => this.#keepAlive(delegationId)).catch(() => {});
      return followed;
    } catch {
      return undefined;
    }
  }

  #keepAlive(delegationId: string | undefined): void {
    if (delegationId === undefined || this.#isOver) return;
    const alive: KeepAlive = this.#store.options.ledger.keepAlive(delegationId, {
      onTerminal: ({ outcome, status }) => {
        if (outcome === 'terminal') this.#lost(status);
      },
    });
    this.#undo.defer(() => void alive.stop().catch(() => {}));
  }

  #heard(event: AgentExecutionEvent): void {
    if (event.kind === 'message') {
      this.#hasReplied = true;
      // A reply without a task is never saved. With one, the task goes on.
      if (this.#published !== undefined || this.#request.task !== undefined) return;
      this.#followed?.saw(observationOf(event.data), 'ended');
    } else if (event.kind === 'task') {
      this.#published = event.data;
      this.#state = stateOf(event.data);
    } else if (event.kind === 'statusUpdate') {
      this.#state = stateOf(event.data);
    }
  }

  /** The ledger has ended the delegation. An end that was published before is the agent's own. */
  #lost(status: Status): void {
    const hasEnded = this.#state !== undefined && terminalStates.has(this.#state);
    if (this.#isOver || this.#isGivenUp || hasEnded || this.#hasReplied) return;
    this.#isGivenUp = true;
    void this.#stop(status).catch(() => {});
  }

  async #stop(status: Status): Promise<void> {
    const delegationId = await this.#followed?.delegationId;
    const row = await this.#store.options.ledger.get(delegationId!).catch(() => null);
    if (this.#isOver || (this.#state !== undefined && terminalStates.has(this.#state))) return;
    this.#followed?.giveUp();
    this.#publishFailure(whyGivenUp(status, row?.errorDetail ?? null));
    await this.#executor.cancelTask(this.#request.taskId, this.#bus);
  }

  /** As the SDK does for an executor that throws: a stream must begin with a task, and ends with a status. */
  #publishFailure(why: string): void {
    const { taskId, contextId, task } = this.#request;
    const known = this.#published ?? task;
    const { id, contextId: context } = known ?? { id: taskId, contextId };
    const status = failed({ id, contextId: context }, why);
    if (this.#published === undefined) {
      const base = known ?? { id, contextId: context, artifacts: [], history: [], metadata: undefined };
      this.#bus.publish(AgentEvent.task({ ...structuredClone(base), status }));
    }
    this.#bus.publish(AgentEvent.statusUpdate({ taskId: id, contextId: context, status, metadata: undefined }));
  }
}
