import type { Message, StreamResponse, Task } from '@a2a-js/sdk';
import type { Client, TransportFactory } from '@a2a-js/sdk/client';
import type { Reported, ScriptedAgent } from '../../support/a2a/agent-process.ts';
import type { Binding } from '../../support/a2a/card.ts';
import { clientOf } from '../../support/a2a/client.ts';
import { type RequestFields, request } from '../../support/a2a/messages.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { PushInbox } from './push-inbox.ts';
import { recordingFetch, recordingInterceptor } from './recorders.ts';
import { Transcript } from './transcript.ts';

export interface StageOptions {
  readonly agent: ScriptedAgent;
  readonly binding: Binding;
  readonly inbox: PushInbox;
  readonly decorate?: (factory: TransportFactory) => TransportFactory;
}

/** One conversation's client and agent, and what they hear. */
export class Stage {
  readonly agent: ScriptedAgent;
  readonly client: Client;
  readonly inbox: PushInbox;
  readonly transcript: Transcript;
  readonly #binding: Binding;
  #messages = 0;

  private constructor({ agent, binding, inbox }: StageOptions, client: Client, transcript: Transcript) {
    this.agent = agent;
    this.client = client;
    this.inbox = inbox;
    this.transcript = transcript;
    this.#binding = binding;
  }

  static async open(options: StageOptions): Promise<Stage> {
    const { agent, binding, decorate } = options;
    const transcript = new Transcript();
    const client = await clientOf(agent, {
      binding,
      fetchImpl: recordingFetch(transcript.wire),
      interceptors: [recordingInterceptor(transcript.wire)],
      ...(decorate && { decorate }),
    });
    return new Stage(options, client, transcript);
  }

  /** A message whose id is the same in every run of this conversation. */
  message(script: string, fields: RequestFields = {}) {
    this.#messages += 1;
    return request(script, { messageId: `message ${this.#messages}`, ...fields });
  }

  /** The name of a gate that belongs to this conversation alone. */
  gate(name: string, conversation: string): string {
    return `${conversation} ${this.#binding} ${name}`.replaceAll(';', '');
  }

  /** What the client gets from a call: an answer, or an error. */
  async sees<T extends Task | Message | object | undefined>(call: Promise<T>): Promise<T | undefined> {
    try {
      const answer = await call;
      this.transcript.client.push({ answer });
      return answer;
    } catch (err) {
      this.transcript.client.push({ error: errorOf(err) });
      return undefined;
    }
  }

  /** The same for a stream; `each` after every event. */
  async streams(
    stream: AsyncGenerator<StreamResponse, void, undefined>,
    each: (event: StreamResponse) => Promise<void> | void = () => {},
  ): Promise<void> {
    const seen: unknown[] = [];
    this.transcript.client.push({ stream: seen });
    try {
      for await (const event of stream) {
        seen.push(event);
        await each(event);
      }
      seen.push('end');
    } catch (err) {
      seen.push({ error: errorOf(err) });
    }
  }

  /** Waits until as many push notifications came. */
  async pushed(count: number): Promise<void> {
    await waitFor(`${count} push notifications`, () => this.inbox.received.length >= count);
  }

  /** Waits until the executor has begun so many turns. */
  executing(turns: number): Promise<void> {
    return this.#reportedSo('execute', turns);
  }

  /** Waits until it has returned from so many. */
  returned(turns: number): Promise<void> {
    return this.#reportedSo('returned', turns);
  }

  async #reportedSo(what: Reported['event'], times: number): Promise<void> {
    const reports = () => this.#reported().filter(({ event }) => event === what).length;
    await waitFor(`${what} ${times} times`, () => reports() >= times);
  }

  /** To be called before the conversation: what the executor said until then is not part of it. */
  begin(): void {
    this.#from = this.agent.reported.length;
    this.inbox.take();
    this.agent.closeGates();
  }
  #from = 0;

  /** The conversation as it was heard. */
  end(): unknown {
    this.transcript.executor = this.#reported();
    this.transcript.push = this.inbox.take();
    const { origin, card } = this.agent;
    return this.transcript.normalised([origin, ...card.supportedInterfaces.map(({ url }) => url)]);
  }

  #reported() {
    return this.agent.reported.slice(this.#from);
  }
}

function errorOf(err: unknown): object {
  const { name, message, code, reason, metadata } = err as Error & Readonly<globalThis.Record<string, unknown>>;
  return { name, message, code, reason, metadata };
}
