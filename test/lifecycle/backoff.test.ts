import { expect, test } from '@jest/globals';
import { backoffMs } from '../../src/lifecycle/backoff.ts';

const highest = { baseMs: 100, maxMs: 5000, random: () => 1 };

test('the bound doubles with each attempt, up to the highest', () => {
  expect([1, 2, 3, 6, 7, 8].map((attempt) => backoffMs(attempt, highest))).toEqual([100, 200, 400, 3200, 5000, 5000]);
});

test('in an outage of any length the wait stays at the highest bound', () => {
  expect(backoffMs(1e6, highest)).toBe(5000);
});

test('the wait is between 0 and the bound, in whole milliseconds', () => {
  expect(backoffMs(3, { ...highest, random: () => 0 })).toBe(0);
  expect(backoffMs(1, { ...highest, baseMs: 3, random: () => 0.5 })).toBe(1);
  for (let i = 0; i < 1000; i++) {
    const ms = backoffMs(2, { baseMs: 100, maxMs: 5000 });
    expect(Number.isInteger(ms) && ms >= 0 && ms < 200).toBe(true);
  }
});
