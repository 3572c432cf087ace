import { expect, test } from '@jest/globals';
import { Cached } from '../../src/ops/cached.ts';
import { waitFor } from '../support/wait-for.ts';

const generous = { answerWithinMs: 10_000 };

test('many simultaneous requests share one reading', async () => {
  let readings = 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  const cached = new Cached(
    () => {
      readings += 1;
      return promise;
    },
    { keepMs: () => 60_000, ...generous },
  );
  const asked = Array.from({ length: 50 }, () => cached.get());
  resolve('read');
  expect(new Set(await Promise.all(asked))).toEqual(new Set(['read']));
  expect(await cached.get()).toBe('read');
  expect(readings).toBe(1);
});

test('an expired reading is taken again, and its lifetime may depend on how long it took', async () => {
  let readings = 0;
  const took: number[] = [];
  const cached = new Cached(async () => (readings += 1), {
    keepMs: (tookMs) => {
      took.push(tookMs);
      return 0;
    },
    ...generous,
  });
  expect([await cached.get(), await cached.get(), await cached.get()]).toEqual([1, 2, 3]);
  expect(took).toHaveLength(3);
  expect(Math.min(...took)).toBeGreaterThanOrEqual(0);
});

test('a failure is cached like a reading, so that a database in trouble is not queried again at once', async () => {
  let readings = 0;
  const cached = new Cached<never>(
    async () => {
      readings += 1;
      throw new Error('away');
    },
    { keepMs: () => 60_000, ...generous },
  );
  await expect(cached.get()).rejects.toThrow('away');
  await expect(cached.get()).rejects.toThrow('away');
  expect(readings).toBe(1);
});

test('no request waits for a reading that takes too long; later requests get it', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  let readings = 0;
  const cached = new Cached(
    () => {
      readings += 1;
      return promise;
    },
    { keepMs: () => 60_000, answerWithinMs: 20 },
  );
  await expect(cached.get()).rejects.toThrow('no answer within 20 ms');
  await expect(cached.get()).rejects.toThrow('no answer within 20 ms');
  resolve('late');
  expect(await waitFor('the reading', () => cached.get())).toBe('late');
  expect(readings).toBe(1);
});
