import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  add,
  bucketOf,
  endOf,
  type Histogram,
  histogramOf,
  quantile,
  stored,
} from '../../../src/sweeper/advice/buckets.ts';

const durations = fc.double({ min: 1.000001, max: 30 * 86_400_000, noNaN: true });

function histogram(ms: readonly number[]): Histogram {
  const counts: Histogram = new Map();
  for (const each of ms) add(counts, each);
  return counts;
}

test('a duration is at most five percent shorter than the end of its bucket', () => {
  fc.assert(
    fc.property(durations, (ms) => {
      const end = endOf(bucketOf(ms));
      expect(end).toBeGreaterThanOrEqual(ms * (1 - 1e-7));
      expect(end).toBeLessThan(ms * 1.05 * (1 + 1e-7));
    }),
  );
});

test('the end of a bucket is in it, and there are fewer than five hundred', () => {
  for (let bucket = 0; bucket < 460; bucket += 1) expect(bucketOf(endOf(bucket))).toBe(bucket);
  expect(bucketOf(Number.MAX_SAFE_INTEGER)).toBeLessThan(500);
  expect(bucketOf(-5)).toBe(0);
});

describe('a quantile', () => {
  test('is the one of the durations, rounded up by five percent at most', () => {
    fc.assert(
      fc.property(fc.array(durations, { minLength: 1 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (ms, share) => {
        const exact = ms.toSorted((a, b) => a - b)[Math.ceil(ms.length * share - 1e-9) - 1]!;
        const found = quantile(histogram(ms), share)!;
        expect(found).toBeGreaterThanOrEqual(exact * (1 - 1e-7));
        expect(found).toBeLessThan(exact * 1.05 * (1 + 1e-7));
      }),
    );
  });

  test('of nothing is none', () => {
    expect(quantile(new Map(), 0.999)).toBeNull();
  });
});

test('a histogram that was stored is the same', () => {
  const counts = histogram([1, 20, 20, 3_000]);
  expect(histogramOf(JSON.parse(JSON.stringify(stored(counts))))).toEqual(counts);
});
