import { describe, expect, test } from '@jest/globals';
import { Periodic, type PeriodicOptions } from '../../src/lifecycle/periodic.ts';
import { serviceContract } from './service-contract.ts';

const hourMs = 3_600_000;

function periodic(options: Partial<PeriodicOptions>): Periodic {
  const unexpected = (err: unknown) => {
    throw err;
  };
  return new Periodic({ name: 'beat', everyMs: 1, run: async () => {}, onError: unexpected, ...options });
}

/** A function to call at each run, and a promise that it was called `times` times. */
function counter(times: number): { readonly reached: Promise<void>; call(): number } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let calls = 0;
  return {
    reached: promise,
    call() {
      if (++calls === times) resolve();
      return calls;
    },
  };
}

describe('Periodic', () => {
  test('runs at once, then repeatedly', async () => {
    const runs = counter(3);
    await using service = disposable(periodic({ run: async () => void runs.call() }));
    await service.start();
    await runs.reached;
  });

  test('never runs twice at once, however long a run takes', async () => {
    const runs = counter(5);
    let running = 0;
    let most = 0;
    const run = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 3));
      running--;
      runs.call();
    };
    await using service = disposable(periodic({ run }));
    await service.start();
    await runs.reached;
    expect(most).toBe(1);
  });

  test('started twice it runs once', async () => {
    let runs = 0;
    const service = periodic({ everyMs: hourMs, run: async () => void runs++ });
    await Promise.all([service.start(), service.start()]);
    await service.stop();
    expect(runs).toBe(1);
  });

  test('a run that fails is reported, and the next one runs', async () => {
    const runs = counter(3);
    const errors: unknown[] = [];
    const run = async () => {
      throw new Error(`run ${runs.call()}`);
    };
    await using service = disposable(periodic({ run, onError: (err) => errors.push((err as Error).message) }));
    await service.start();
    await runs.reached;
    expect(errors.slice(0, 2)).toEqual(['run 1', 'run 2']);
  });

  test('a stop ends the wait between two runs', async () => {
    const runs = counter(1);
    const service = periodic({ everyMs: hourMs, run: async () => void runs.call() });
    await service.start();
    await runs.reached;
    await service.stop();
  });

  test('a stop aborts the current run, waits for it, and does not report the aborted run', async () => {
    const running = Promise.withResolvers<void>();
    let ended = false;
    const run = (signal: AbortSignal) => {
      running.resolve();
      return new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => {
          setImmediate(() => {
            ended = true;
            reject(signal.reason);
          });
        });
      });
    };
    const service = periodic({ run });
    await service.start();
    await running.promise;
    await service.stop();
    expect(ended).toBe(true);
  });
});

serviceContract('a periodic function', () => periodic({}));
serviceContract('a periodic function that waits long', () => periodic({ everyMs: hourMs }));

function disposable(service: Periodic): Periodic & AsyncDisposable {
  return Object.assign(service, { [Symbol.asyncDispose]: () => service.stop() });
}
