import { expect, test } from '@jest/globals';
import { Background } from '../../src/lifecycle/background.ts';
import { serviceContract } from './service-contract.ts';

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

test('its start resolves after the first attempt, while it goes on until the stop', async () => {
  const attempt = Promise.withResolvers<void>();
  let ended = false;
  const service = new Background({
    name: 'background',
    async run(signal, tried) {
      await attempt.promise;
      tried();
      await untilAborted(signal);
      ended = true;
    },
  });
  const started = service.start();
  attempt.resolve();
  await started;
  await service.start();
  expect(ended).toBe(false);
  await service.stop();
  expect(ended).toBe(true);
});

test('a run that fails before its first attempt leaves nobody waiting', async () => {
  const service = new Background({ name: 'background', run: () => Promise.reject(new Error('broken')) });
  await service.start();
  await service.stop();
});

serviceContract(
  'a service in the background',
  () =>
    new Background({
      name: 'background',
      async run(signal, tried) {
        tried();
        await untilAborted(signal);
      },
    }),
);
