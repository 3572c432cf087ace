import { describe, expect, test } from '@jest/globals';
import type { Service } from '../../src/lifecycle/service.ts';
import { Services } from '../../src/lifecycle/services.ts';
import { serviceContract } from './service-contract.ts';

const deadline = { deadlineMs: 60_000 };
const soon = { deadlineMs: 20 };

/** A service that records its calls, and does what `overrides` says. */
function recorded(name: string, calls: string[], overrides: Partial<Pick<Service, 'start' | 'stop'>> = {}): Service {
  return {
    name,
    async start() {
      calls.push(`start ${name}`);
      await overrides.start?.();
    },
    async stop() {
      calls.push(`stop ${name}`);
      await overrides.stop?.();
    },
  };
}

async function fail(message: string): Promise<never> {
  throw new Error(message);
}

const forever = new Promise<never>(() => {});

describe('Services', () => {
  test('start in their order and stop in the reverse one', async () => {
    const calls: string[] = [];
    const services = new Services(['a', 'b', 'c'].map((name) => recorded(name, calls)));
    expect(await services.startAll(deadline)).toBe('started');
    await services.stopAll(deadline);
    expect(calls).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
  });

  test('wait for each to have started, or stopped, before the next', async () => {
    const calls: string[] = [];
    const slow = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      calls.push('a is done');
    };
    const services = new Services([recorded('b', calls), recorded('a', calls, { start: slow, stop: slow })]);
    await services.startAll(deadline);
    await services.stopAll(deadline);
    expect(calls).toEqual(['start b', 'start a', 'a is done', 'stop a', 'a is done', 'stop b']);
  });

  test('a failed start stops what had begun, and is the error', async () => {
    const calls: string[] = [];
    const services = new Services([
      recorded('a', calls),
      recorded('b', calls, { start: () => fail('b is broken') }),
      recorded('c', calls),
    ]);
    await expect(services.startAll(deadline)).rejects.toThrow('b is broken');
    expect(calls).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  test('a failed start after which a stop fails keeps both errors', async () => {
    const services = new Services([
      recorded('a', [], { stop: () => fail('a stays') }),
      recorded('b', [], { start: () => fail('b is broken') }),
    ]);
    await expect(services.startAll(deadline)).rejects.toMatchObject({
      message: 'b did not start',
      errors: [{ message: 'b is broken' }, { message: 'a stays' }],
      cause: { message: 'b is broken' },
    });
  });

  test('every stop is called although others fail, and all errors are kept', async () => {
    const calls: string[] = [];
    const thrownAtOnce = () => {
      throw new Error('c stays');
    };
    const services = new Services([
      recorded('a', calls, { stop: () => fail('a stays') }),
      recorded('b', calls),
      { name: 'c', start: async () => {}, stop: thrownAtOnce },
    ]);
    await services.startAll(deadline);
    await expect(services.stopAll(deadline)).rejects.toMatchObject({
      errors: [{ message: 'c stays' }, { message: 'a stays' }],
    });
    expect(calls.filter((call) => call.startsWith('stop'))).toEqual(['stop b', 'stop a']);
  });

  test('a stop that hangs is abandoned at the deadline, and only it is named: the others are stopped', async () => {
    const calls: string[] = [];
    const services = new Services([recorded('a', calls), recorded('b', calls, { stop: () => forever })]);
    await services.startAll(deadline);
    await expect(services.stopAll(soon)).rejects.toMatchObject({
      errors: [{ message: 'b did not stop within 20 ms' }],
    });
    expect(calls.slice(-2)).toEqual(['stop b', 'stop a']);
  });

  test('a stop during the start reaches the service that is starting, and no further one starts', async () => {
    const calls: string[] = [];
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const services = new Services([
      recorded('a', calls),
      recorded('b', calls, {
        start: () => {
          begun.resolve();
          return gate.promise;
        },
        stop: async () => gate.reject(new Error('stopped while starting')),
      }),
      recorded('c', calls),
    ]);
    const started = services.startAll(deadline);
    await begun.promise;
    await services.stopAll(deadline);
    expect(await started).toBe('stopped');
    expect(calls).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });
});

serviceContract('a group of services', () => {
  const services = new Services([recorded('a', []), recorded('b', [], { start: macrotask, stop: macrotask })]);
  return {
    name: 'group',
    async start() {
      await services.startAll(deadline);
    },
    stop: () => services.stopAll(deadline),
  };
});

function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
