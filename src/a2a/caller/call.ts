import type { Message, StreamResponse, Task } from '@a2a-js/sdk';
import type { Observation } from '../task-state.ts';
import type { KnownTasks } from './known-tasks.ts';
import type { Patience } from './patience.ts';
import { refusalOf } from './refusal.ts';
import type { Watch } from './watch.ts';

export interface CallOf {
  readonly agentUrl: string;
  readonly tenant: string;
  readonly watch: Watch;
  /** Whether the message began a delegation: where the agent refuses it, there is no work. */
  readonly begins: () => boolean;
  /** What the task that is to go on waited for. */
  readonly waitedFor?: (() => Observation | undefined) | undefined;
}

/** One call of the caller's to an agent, and the delegation that it is about. Nothing here throws or rejects. */
export class Call {
  readonly #tasks: KnownTasks;
  readonly #patience: Patience;
  readonly #of: CallOf;
  #watch: Watch;
  #taskId = '';

  constructor(tasks: KnownTasks, patience: Patience, of: CallOf) {
    this.#tasks = tasks;
    this.#patience = patience;
    this.#of = of;
    this.#watch = of.watch;
  }

  heard(event: StreamResponse): void {
    this.#name(event);
    // A message about a task that was there before is no result; the task still waits where nothing else is said of it.
    const isAside = event?.payload?.$case === 'message' && !this.#of.begins();
    if (isAside) this.#watch.observe(this.#of.waitedFor?.() ?? { step: 'alive' });
    else this.#watch.heard(event);
  }

  looked(event: StreamResponse): void {
    this.#name(event);
    this.#watch.looked(event);
  }

  /** The answer to a message. */
  answered(result: Message | Task): void {
    const isMessage = typeof result === 'object' && result !== null && 'messageId' in result;
    this.heard({
      payload: isMessage ? { $case: 'message', value: result } : { $case: 'task', value: result as Task },
    });
  }

  /** The call threw before the agent named a task: a task that was to go on waits as before. */
  failed(error: unknown): void {
    if (this.#taskId !== '') return;
    const { begins, waitedFor } = this.#of;
    const errorDetail = begins() ? refusalOf(error) : undefined;
    const observation = errorDetail === undefined ? waitedFor?.() : ({ step: 'failed', errorDetail } as const);
    if (observation !== undefined) this.#watch.observe(observation);
  }

  /** Resolves when what was seen is written, or has taken too long. */
  settled(): Promise<void> {
    return this.#patience.wait(this.#watch.settled());
  }

  #name(event: StreamResponse): void {
    // An event that is none of the protocol's may be anything.
    const payload = event?.payload;
    if (this.#taskId !== '' || payload === undefined || payload.$case === 'message') return;
    this.#taskId = String((payload.$case === 'task' ? payload.value?.id : payload.value?.taskId) ?? '');
    if (this.#taskId === '') return;
    const { agentUrl, tenant } = this.#of;
    this.#watch = this.#tasks.add({ agentUrl, tenant, taskId: this.#taskId }, this.#watch);
  }
}
