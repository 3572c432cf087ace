import type { ServerCallContext } from '@a2a-js/sdk/server';
import { AgentTask, type FirstSight } from './agent-task.ts';
import type { CalleeOptions } from './callee-options.ts';
import { keyOf, scopeOf } from './task-scope.ts';

/** Tasks kept in memory at most; those that nothing executes go first, and are found again in the ledger. */
const TASKS_MAX = 10_000;

/** The tasks of this agent that this process has to do with. */
export class AgentTasks {
  readonly #options: CalleeOptions;
  /** By key, the one that was used last at the end. */
  readonly #tasks = new Map<string, AgentTask>();

  constructor(options: CalleeOptions) {
    this.#options = options;
  }

  find(context: ServerCallContext, taskId: string): AgentTask | undefined {
    return this.#tasks.get(keyOf(scopeOf(context), taskId));
  }

  findOrBegin(context: ServerCallContext, first: FirstSight): AgentTask {
    const key = keyOf(scopeOf(context), first.taskId);
    const task = this.#tasks.get(key) ?? new AgentTask(this.#options, context, first);
    this.#tasks.delete(key);
    this.#tasks.set(key, task);
    if (this.#tasks.size > TASKS_MAX) this.#forgetOldest();
    return task;
  }

  #forgetOldest(): void {
    for (const [key, { executing }] of this.#tasks) {
      if (executing === 0) {
        this.#tasks.delete(key);
        return;
      }
    }
  }
}
