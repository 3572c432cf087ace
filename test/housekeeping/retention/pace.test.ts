import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextBatchRows, Pace } from '../../../src/housekeeping/retention/pace.ts';

test('a batch has as many rows as take forty milliseconds, from ten to a thousand, and grows to twice as many at most', () => {
  expect(nextBatchRows(100, 100, 40)).toBe(100);
  expect(nextBatchRows(100, 100, 80)).toBe(50);
  expect(nextBatchRows(100, 100, 1)).toBe(200);
  // A part of a batch says too little to make it larger.
  expect(nextBatchRows(100, 3, 1)).toBe(100);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1e6, noNaN: true }), (rows, tookMs) => {
      const next = nextBatchRows(rows, rows, tookMs);
      expect(next).toBeGreaterThanOrEqual(10);
      expect(next).toBeLessThanOrEqual(1000);
    }),
  );
});

test('it rests three times as long as the work took, a second at most, and not at all once it is to stop', async () => {
  let nowMs = 0;
  const rests: number[] = [];
  const pace = new Pace({
    now: () => nowMs,
    sleep: async (ms, signal) => {
      rests.push(ms);
      signal.throwIfAborted();
    },
  });
  const work = (ms: number) => async () => {
    nowMs += ms;
  };
  const stop = new AbortController();
  await pace.of(10, stop.signal, work(30));
  await pace.of(10, stop.signal, work(5_000));
  stop.abort();
  await pace.of(10, stop.signal, work(20));
  expect(rests).toEqual([90, 1000, 60]);
});
