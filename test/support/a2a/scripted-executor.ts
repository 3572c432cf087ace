import { setTimeout as sleep } from 'node:timers/promises';
import { type Task, TaskState, type TaskStatus } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutor, type ExecutionEventBus, type RequestContext } from '@a2a-js/sdk/server';
import { agentMessage, artifactOf, textOf } from './messages.ts';
import { type Step, stepsOf, type Verb } from './script.ts';

/** How an agent stamps its statuses: right, wrong by an hour, always with the same instant, or not at all. */
export type Stamps = 'true' | 'hour behind' | 'hour ahead' | 'frozen' | 'none';

export interface ExecutorOptions {
  readonly stamps: Stamps;
  /** What the executor sees and does, in order. */
  readonly report: (what: object) => void;
  /** Resolves when the test opens the gate of this name. */
  readonly gate: (name: string) => Promise<void>;
  /** Breaks every connection. */
  readonly cut: () => void;
}

const states: Readonly<Partial<Record<Verb, TaskState>>> = {
  submitted: TaskState.TASK_STATE_SUBMITTED,
  working: TaskState.TASK_STATE_WORKING,
  ask: TaskState.TASK_STATE_INPUT_REQUIRED,
  auth: TaskState.TASK_STATE_AUTH_REQUIRED,
  complete: TaskState.TASK_STATE_COMPLETED,
  fail: TaskState.TASK_STATE_FAILED,
  reject: TaskState.TASK_STATE_REJECTED,
  unknown: TaskState.UNRECOGNIZED,
};
const HOUR_MS = 3_600_000;

/** Does what the message says; see script.ts. */
export class ScriptedExecutor implements AgentExecutor {
  readonly #options: ExecutorOptions;
  readonly #running = new Map<string, { readonly contextId: string; readonly cancel: AbortController }>();

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  readonly execute: AgentExecutor['execute'] = async (context, bus) => {
    const { taskId, contextId, userMessage, task } = context;
    const script = textOf(userMessage);
    this.#options.report({ event: 'execute', taskId, contextId, messageId: userMessage.messageId, script });
    const cancel = new AbortController();
    this.#running.set(taskId, { contextId, cancel });
    const turn = new Turn(context, bus, this.#options, task);
    try {
      for (const step of stepsOf(script)) await turn.take(step, cancel.signal);
    } catch (err) {
      if (!cancel.signal.aborted) throw err;
    } finally {
      this.#running.delete(taskId);
      this.#options.report({ event: 'returned', taskId });
    }
  };

  readonly cancelTask: AgentExecutor['cancelTask'] = async (taskId, bus) => {
    this.#options.report({ event: 'cancelTask', taskId });
    const { contextId = '', cancel } = this.#running.get(taskId) ?? {};
    cancel?.abort();
    const status = statusOf(TaskState.TASK_STATE_CANCELED, '', this.#options.stamps);
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status, metadata: undefined }));
  };
}

/** One message's work. */
class Turn {
  readonly #context: RequestContext;
  readonly #bus: ExecutionEventBus;
  readonly #options: ExecutorOptions;
  /** The first event of a turn has to be a task. */
  #task: Task | undefined;
  readonly #former: Task | undefined;
  #artifacts = 0;

  constructor(context: RequestContext, bus: ExecutionEventBus, options: ExecutorOptions, former: Task | undefined) {
    this.#context = context;
    this.#bus = bus;
    this.#options = options;
    this.#former = former;
  }

  async take({ verb, text }: Step, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const state = states[verb];
    if (state !== undefined) this.#state(state, text);
    else if (verb === 'artifact') this.#artifact(text);
    else if (verb === 'big') this.#artifact('x'.repeat(Number(text)));
    else if (verb === 'message') this.#bus.publish(AgentEvent.message(agentMessage(text, this.#ids())));
    else if (verb === 'sleep') await sleep(Number(text), undefined, { signal });
    else if (verb === 'beat') await this.#beat(text, signal);
    else if (verb === 'gate') await Promise.race([this.#options.gate(text), aborted(signal)]);
    else if (verb === 'hang') await aborted(signal);
    else if (verb === 'cut') this.#options.cut();
    else if (verb === 'revive') this.#publishTask(TaskState.TASK_STATE_WORKING, text);
    else if (verb === 'throw') throw new Error(text);
    else process.kill(process.pid, 'SIGKILL');
  }

  #ids() {
    const { taskId, contextId } = this.#context;
    return { taskId, contextId };
  }

  #state(state: TaskState, text: string): void {
    if (this.#task === undefined) {
      this.#publishTask(state, text);
      return;
    }
    const status = statusOf(state, text, this.#options.stamps, this.#ids());
    this.#bus.publish(AgentEvent.statusUpdate({ ...this.#ids(), status, metadata: undefined }));
  }

  #publishTask(state: TaskState, text: string): void {
    const { taskId: id, contextId, userMessage } = this.#context;
    this.#task = {
      artifacts: [],
      metadata: undefined,
      ...this.#former,
      id,
      contextId,
      status: statusOf(state, text, this.#options.stamps, this.#ids()),
      history: this.#former?.history ?? [userMessage],
    };
    this.#bus.publish(AgentEvent.task(this.#task));
  }

  #artifact(text: string): void {
    this.#artifacts += 1;
    const artifact = artifactOf(text, `artifact-${this.#artifacts}`);
    const event = { ...this.#ids(), artifact, append: false, lastChunk: true, metadata: undefined };
    this.#bus.publish(AgentEvent.artifactUpdate(event));
  }

  async #beat(text: string, signal: AbortSignal): Promise<void> {
    const [times, everyMs] = text.split(' ').map(Number) as [number, number];
    for (let n = 1; n <= times; n += 1) {
      await sleep(everyMs, undefined, { signal });
      this.#state(TaskState.TASK_STATE_WORKING, `step ${n}`);
    }
  }
}

function statusOf(state: TaskState, text: string, stamps: Stamps, ids = {}): TaskStatus {
  return { state, message: text === '' ? undefined : agentMessage(text, ids), timestamp: stampOf(stamps) };
}

function stampOf(stamps: Stamps): string | undefined {
  if (stamps === 'none') return undefined;
  if (stamps === 'frozen') return '2026-01-01T00:00:00.000Z';
  const offsetMs = { true: 0, 'hour behind': -HOUR_MS, 'hour ahead': HOUR_MS }[stamps];
  return new Date(Date.now() + offsetMs).toISOString();
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  return promise;
}
