import type { Transport, TransportFactory } from '@a2a-js/sdk/client';
import { waitFor } from '../../support/wait-for.ts';

type Method = 'sendMessage' | 'sendMessageStream' | 'resubscribeTask' | 'getTask';

/** What is asked of the SDK's transport within ours, and what it answers. */
export class Spy {
  /** `resubscribeTask`, `resubscribeTask: task`, `resubscribeTask: ended`, `getTask: failed`. */
  readonly heard: string[] = [];
  /** Set by a test: called before the transport is, and may throw or take its place. */
  instead: Partial<{
    [Name in Method]: (...args: Parameters<Transport[Name]>) => ReturnType<Transport[Name]> | undefined;
  }> = {};

  readonly inside = (factory: TransportFactory): TransportFactory => ({
    protocolName: factory.protocolName,
    create: async (url, card) => this.#around(await factory.create(url, card)),
  });

  heardOf(what: string): Promise<boolean> {
    return waitFor(`the transport to have heard "${what}"`, () => this.heard.includes(what));
  }

  count(what: string): number {
    return this.heard.filter((one) => one === what).length;
  }

  #around(transport: Transport): Transport {
    return new Proxy(transport, {
      get: (target, name) => {
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        const call = (...args: unknown[]) => {
          this.heard.push(String(name));
          const instead = this.instead[name as Method] as ((...args: unknown[]) => unknown) | undefined;
          return instead?.(...args) ?? method.apply(target, args);
        };
        return String(name).endsWith('Stream') || name === 'resubscribeTask'
          ? (...args: unknown[]) => this.#stream(String(name), call, args)
          : (...args: unknown[]) => this.#answer(String(name), call, args);
      },
    });
  }

  async #answer(name: string, call: (...args: unknown[]) => unknown, args: unknown[]): Promise<unknown> {
    try {
      const answer = await call(...args);
      this.heard.push(`${name}: answered`);
      return answer;
    } catch (err) {
      this.heard.push(`${name}: failed`);
      throw err;
    }
  }

  async *#stream(name: string, call: (...args: unknown[]) => unknown, args: unknown[]): AsyncGenerator<unknown> {
    let end = 'left';
    try {
      for await (const event of call(...args) as AsyncIterable<{ payload?: { $case: string } } | undefined>) {
        this.heard.push(`${name}: ${event?.payload?.$case}`);
        yield event;
      }
      end = 'ended';
    } catch (err) {
      end = 'failed';
      throw err;
    } finally {
      this.heard.push(`${name}: ${end}`);
    }
  }
}
