import type { SendMessageRequest, StreamResponse, Task } from '@a2a-js/sdk';
import type { RequestOptions, Transport } from '@a2a-js/sdk/client';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import { type Arrival, continuedStream } from './continued-stream.ts';
import { Reconnection, type Stream } from './reconnection.ts';
import { SeenTask } from './seen-task.ts';

type Request<Method extends keyof Transport> = Transport[Method] extends (
  params: infer Params,
  ...rest: never[]
) => unknown
  ? Params
  : never;
type Answer<Method extends keyof Transport> = Transport[Method] extends (...args: never[]) => infer Result
  ? Result
  : never;

/** A transport of the SDK's whose calls are delegations. What it sends, answers and throws is that of the transport in it. */
export class CallerTransport implements Transport {
  readonly #transport: Transport;
  readonly #calls: Calls;
  readonly #reconnectForMs: number;

  constructor(transport: Transport, calls: Calls, reconnectForMs: number) {
    this.#transport = transport;
    this.#calls = calls;
    this.#reconnectForMs = reconnectForMs;
  }

  get protocolName(): string {
    return this.#transport.protocolName;
  }

  get protocolVersion(): string {
    return this.#transport.protocolVersion;
  }

  async sendMessage(request: SendMessageRequest, options?: RequestOptions): Answer<'sendMessage'> {
    const call = await this.#calls.begin(request, options);
    try {
      const result = await this.#transport.sendMessage(request, options);
      call.answered(result);
      return result;
    } catch (error) {
      call.failed(error);
      throw error;
    } finally {
      await call.settled();
    }
  }

  async *sendMessageStream(request: SendMessageRequest, options?: RequestOptions): Stream {
    const call = await this.#calls.begin(request, options);
    const stream = this.#transport.sendMessageStream(request, options);
    yield* this.#followed(call, { stream, isSubscription: false }, request?.tenant ?? '', options);
  }

  async *resubscribeTask(request: Request<'resubscribeTask'>, options?: RequestOptions): Stream {
    const call = this.#calls.about({ tenant: request.tenant ?? '', taskId: request.id });
    const stream = this.#transport.resubscribeTask(request, options);
    yield* this.#followed(call, { stream, isSubscription: true }, request.tenant ?? '', options);
  }

  async getTask(request: Request<'getTask'>, options?: RequestOptions): Promise<Task> {
    const task = await this.#transport.getTask(request, options);
    const call = this.#calls.about({ tenant: request.tenant ?? '', taskId: request.id });
    call.looked(snapshotOf(task));
    await call.settled();
    return task;
  }

  async cancelTask(request: Request<'cancelTask'>, options?: RequestOptions): Promise<Task> {
    const task = await this.#transport.cancelTask(request, options);
    const call = this.#calls.about({ tenant: request.tenant ?? '', taskId: request.id });
    call.heard(snapshotOf(task));
    await call.settled();
    return task;
  }

  async listTasks(request: Request<'listTasks'>, options?: RequestOptions): Answer<'listTasks'> {
    const list = await this.#transport.listTasks(request, options);
    for (const task of list?.tasks ?? []) {
      this.#calls.seenBefore({ tenant: request.tenant ?? '', taskId: task.id })?.looked(snapshotOf(task));
    }
    return list;
  }

  getExtendedAgentCard(...args: Parameters<Transport['getExtendedAgentCard']>): Answer<'getExtendedAgentCard'> {
    return this.#transport.getExtendedAgentCard(...args);
  }

  createTaskPushNotificationConfig(
    ...args: Parameters<Transport['createTaskPushNotificationConfig']>
  ): Answer<'createTaskPushNotificationConfig'> {
    return this.#transport.createTaskPushNotificationConfig(...args);
  }

  getTaskPushNotificationConfig(
    ...args: Parameters<Transport['getTaskPushNotificationConfig']>
  ): Answer<'getTaskPushNotificationConfig'> {
    return this.#transport.getTaskPushNotificationConfig(...args);
  }

  listTaskPushNotificationConfig(
    ...args: Parameters<Transport['listTaskPushNotificationConfig']>
  ): Answer<'listTaskPushNotificationConfig'> {
    return this.#transport.listTaskPushNotificationConfig(...args);
  }

  deleteTaskPushNotificationConfig(
    ...args: Parameters<Transport['deleteTaskPushNotificationConfig']>
  ): Answer<'deleteTaskPushNotificationConfig'> {
    return this.#transport.deleteTaskPushNotificationConfig(...args);
  }

  async *#followed(
    call: Call,
    first: { readonly stream: Stream; readonly isSubscription: boolean },
    tenant: string,
    options: RequestOptions | undefined,
  ): Stream {
    const seen = new SeenTask(0);
    try {
      for await (const arrival of continuedStream(first, seen, this.#reconnection(seen, tenant, options))) {
        take(arrival, seen, call);
        yield arrival.event;
      }
    } catch (error) {
      call.failed(error);
      throw error;
    } finally {
      await call.settled();
    }
  }

  #reconnection(seen: SeenTask, tenant: string, options: RequestOptions | undefined): Reconnection {
    const transport = this.#transport;
    return new Reconnection(
      {
        subscribe: (signal) => transport.resubscribeTask({ tenant, id: seen.id }, { ...options, signal }),
        ask: (signal) => transport.getTask({ tenant, id: seen.id }, { ...options, signal }),
        opensWithSnapshot: !transport.protocolVersion.startsWith('0.'),
      },
      this.#reconnectForMs,
      options?.signal,
    );
  }
}

function take({ event, isSnapshot }: Arrival, seen: SeenTask, call: Call): void {
  try {
    seen.take(event);
  } catch {
    // An event that is none of the protocol's: the reader gets it as the SDK gave it.
  }
  if (isSnapshot) call.looked(event);
  else call.heard(event);
}

function snapshotOf(task: Task): StreamResponse {
  return { payload: { $case: 'task', value: task } };
}
