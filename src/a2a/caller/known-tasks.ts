import type { Watch } from './watch.ts';

/** Tasks of which this process remembers what it has seen. One that is forgotten is found again in the ledger. */
const TASKS_MAX = 5_000;

/** The tasks that were seen last, by agent, tenant and id. */
export class KnownTasks {
  readonly #watches = new Map<string, Watch>();

  get(task: TaskName): Watch | undefined {
    const key = keyOf(task);
    const watch = this.#watches.get(key);
    if (watch !== undefined) this.#put(key, watch);
    return watch;
  }

  /** The one that is known already stays. */
  add(task: TaskName, watch: Watch): Watch {
    const known = this.get(task);
    if (known !== undefined) return known;
    this.#put(keyOf(task), watch);
    if (this.#watches.size > TASKS_MAX) this.#watches.delete(this.#watches.keys().next().value!);
    return watch;
  }

  delete(task: TaskName, watch: Watch): void {
    const key = keyOf(task);
    if (this.#watches.get(key) === watch) this.#watches.delete(key);
  }

  #put(key: string, watch: Watch): void {
    this.#watches.delete(key);
    this.#watches.set(key, watch);
  }
}

export interface TaskName {
  readonly agentUrl: string;
  readonly tenant: string;
  readonly taskId: string;
}

function keyOf({ agentUrl, tenant, taskId }: TaskName): string {
  return JSON.stringify([agentUrl, tenant, taskId]);
}
