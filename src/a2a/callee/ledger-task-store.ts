import {
  type ListTasksRequest,
  type ListTasksResponse,
  type Message,
  Role,
  type Task,
  type TaskState,
} from '@a2a-js/sdk';
import type { ServerCallContext, TaskStore } from '@a2a-js/sdk/server';
import { interruptedStates, observationOf, stateOf, terminalStates } from '../task-state.ts';
import { AgentTasks } from './agent-tasks.ts';
import type { CalleeOptions } from './callee-options.ts';
import { isRefused } from './forward-only.ts';
import { keyOf, scopeOf } from './task-scope.ts';

/** Ends that are remembered at most; whoever saves a task loads it before, and so recalls its end. */
const ENDS_MAX = 10_000;

/**
 * The SDK's task store, followed by the ledger: what is saved is what the delegation does.
 *
 *     const store = new LedgerTaskStore(new InMemoryTaskStore(), { ledger, agentUrl: card.supportedInterfaces[0].url, calleeId: 'coder' });
 *     const handler = new DefaultRequestHandler(card, store, ledgerExecutor(executor, { store }));
 *
 * **A task that has ended is never revived.** A save that would take it to another state stores nothing; the object that was
 * given becomes what the store holds, so that the SDK answers its caller with that. With several server processes on one
 * table, the table itself must refuse it: `new DatabaseTaskStore(forwardOnly(db))`.
 *
 * The ledger is written in the background; only for a task's end the save waits for it, one second at most. A ledger that
 * fails never fails a save. What the store below throws is thrown.
 */
export class LedgerTaskStore implements TaskStore {
  readonly options: CalleeOptions;
  /** For the executor. */
  readonly tasks: AgentTasks;
  readonly #inner: TaskStore;
  /** By key: how the task ended. */
  readonly #ends = new Map<string, TaskState>();
  /** By key: the last save under way. */
  readonly #saving = new Map<string, Promise<unknown>>();

  constructor(inner: TaskStore, options: CalleeOptions) {
    this.#inner = inner;
    this.options = options;
    this.tasks = new AgentTasks(options);
  }

  async save(task: Task, context: ServerCallContext): Promise<void> {
    const held = await this.#inTurn(context, task.id, () => this.#save(task, context));
    const saw = this.#follow(held ?? task, context);
    if (terminalStates.has(stateOf(held ?? task))) await saw?.settled();
  }

  async load(taskId: string, context: ServerCallContext): Promise<Task | undefined> {
    const task = await this.#inner.load(taskId, context);
    if (task !== undefined) this.#recall(task, context);
    return task;
  }

  async list(params: ListTasksRequest, context: ServerCallContext): Promise<ListTasksResponse> {
    return this.#inner.list(params, context);
  }

  /**
   * Ends a task that is open, for whoever gave it up, without telling the ledger. The task as it is stored, and whether it
   * was this call that ended it; undefined where there is none.
   */
  async end(
    taskId: string,
    context: ServerCallContext,
    ended: (open: Task) => Task,
  ): Promise<{ readonly task: Task; readonly isNew: boolean } | undefined> {
    return this.#inTurn(context, taskId, async () => {
      const open = await this.load(taskId, context);
      if (open === undefined) return undefined;
      if (terminalStates.has(stateOf(open))) return { task: open, isNew: false };
      const task = ended(open);
      const held = await this.#save(task, context);
      return { task: held ?? task, isNew: held === undefined };
    });
  }

  /** What the store holds, where it refuses this task. */
  async #save(task: Task, context: ServerCallContext): Promise<Task | undefined> {
    const end = this.#ends.get(keyOf(scopeOf(context), task.id));
    const refused =
      (end !== undefined && end !== stateOf(task)) || (await isRefused(() => this.#inner.save(task, context)));
    if (!refused) {
      this.#recall(task, context);
      return undefined;
    }
    const held = await this.load(task.id, context);
    if (held !== undefined) Object.assign(task, structuredClone(held));
    return held;
  }

  #follow(task: Task, context: ServerCallContext) {
    try {
      const message = task.history?.find(({ role }: Message) => role === Role.ROLE_USER);
      const followed = this.tasks.findOrBegin(context, { taskId: task.id, contextId: task.contextId, message });
      if (!isAnswered(task)) followed.saw(observationOf(task), terminalStates.has(stateOf(task)) ? 'ended' : 'open');
      return followed;
    } catch {
      // A malformed task, which the store below took.
      return undefined;
    }
  }

  #recall(task: Task, context: ServerCallContext): void {
    const state = stateOf(task);
    if (!terminalStates.has(state)) return;
    this.#ends.set(keyOf(scopeOf(context), task.id), state);
    if (this.#ends.size > ENDS_MAX) this.#ends.delete(this.#ends.keys().next().value!);
  }

  /** One save of a task at a time: the SDK's own lock does not hold where it appends a message. */
  async #inTurn<Result>(context: ServerCallContext, taskId: string, work: () => Promise<Result>): Promise<Result> {
    const key = keyOf(scopeOf(context), taskId);
    const before = this.#saving.get(key);
    const turn = before === undefined ? work() : before.then(work, work);
    this.#saving.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#saving.get(key) === turn) this.#saving.delete(key);
    }
  }
}

/**
 * Still in the state in which the agent asked, but with the answer: so the SDK saves it before the turn that goes on. The
 * caller may have ended the wait by then.
 */
function isAnswered(task: Task): boolean {
  if (!interruptedStates.has(stateOf(task)) || task.history?.at(-1)?.role !== Role.ROLE_USER) return false;
  return task.history.some(({ messageId }) => messageId === task.status?.message?.messageId);
}
