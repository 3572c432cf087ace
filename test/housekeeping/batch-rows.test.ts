import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextBatchRows } from '../../src/housekeeping/batch-rows.ts';

const bounds = { rowsMin: 10, rowsMax: 1000 };

test('a batch has as many rows as take forty milliseconds, within its bounds, and grows to twice as many at most', () => {
  expect(nextBatchRows(100, { rows: 100, tookMs: 40 }, bounds)).toBe(100);
  expect(nextBatchRows(100, { rows: 100, tookMs: 80 }, bounds)).toBe(50);
  expect(nextBatchRows(100, { rows: 100, tookMs: 1 }, bounds)).toBe(200);
  // A part of a batch says too little to make it larger.
  expect(nextBatchRows(100, { rows: 3, tookMs: 1 }, bounds)).toBe(100);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1e6, noNaN: true }), (rows, tookMs) => {
      const next = nextBatchRows(rows, { rows, tookMs }, bounds);
      expect(next).toBeGreaterThanOrEqual(10);
      expect(next).toBeLessThanOrEqual(1000);
    }),
  );
});
