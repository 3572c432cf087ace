import { describe, expect, test } from '@jest/globals';
import { exceedingAllowed, SAMPLE_MIN } from '../../../src/sweeper/advice/confidence.ts';

test('about three thousand delegations are needed, which is the rule of three', () => {
  expect(SAMPLE_MIN).toBe(2996);
  expect(exceedingAllowed(SAMPLE_MIN - 1)).toBeNull();
  expect(exceedingAllowed(SAMPLE_MIN)).toBe(0);
});

/** Upper limits of a Poisson rate at 95 % for so many events, from tables. */
const limits: readonly (readonly [number, number])[] = [
  [1, 4.7439],
  [2, 6.2958],
  [3, 7.7537],
  [4, 9.1535],
  [10, 16.9622],
  [20, 29.062],
  [50, 63.287],
];

describe('so many may exceed a threshold as the upper limit of their share allows', () => {
  test.each(limits)('%i of %f thousand', (events, limit) => {
    expect(exceedingAllowed(Math.ceil(limit * 1000) + 1)).toBe(events);
    expect(exceedingAllowed(Math.floor(limit * 1000) - 1)).toBe(events - 1);
  });

  test('of ten million nearly one in a thousand', () => {
    const allowed = exceedingAllowed(10_000_000)!;
    expect(allowed).toBeGreaterThan(9_800);
    expect(allowed).toBeLessThan(9_900);
  });
});
