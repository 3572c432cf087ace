import { describe, expect, test } from '@jest/globals';
import type { Service } from '../../src/lifecycle/service.ts';

/** What holds for every Service, as a stress test: a new one each time, started and stopped in every order. */
export function serviceContract(name: string, create: () => Service): void {
  describe(`${name} as a service`, () => {
    test('stops although it never started, also twice', async () => {
      const service = create();
      await service.stop();
      await service.stop();
    });

    test('starts once, however often start is called', async () => {
      const service = create();
      await Promise.all([service.start(), service.start()]);
      await service.start();
      await service.stop();
    });

    test('stops once, however often stop is called', async () => {
      const service = create();
      await service.start();
      await Promise.all([service.stop(), service.stop()]);
      await service.stop();
    });

    test('does not start again after a stop', async () => {
      const service = create();
      await service.start();
      await service.stop();
      await expect(service.start()).rejects.toThrow();
    });

    test('stops at any moment of its start', async () => {
      for (let turns = 0; turns < 50; turns++) {
        const service = create();
        const started = service.start().catch(() => {});
        for (let turn = 0; turn < turns; turn++) await (turn % 5 === 4 ? macrotask() : Promise.resolve());
        await Promise.all([service.stop(), service.stop()]);
        await started;
        await service.stop();
      }
    });

    test('has a name', () => {
      expect(create().name).toMatch(/\S/);
    });
  });
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
