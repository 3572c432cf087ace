import { expect, test } from '@jest/globals';
import { Repeats } from '../../src/log/repeats.ts';

test('one of a kind passes per interval, each kind separately', () => {
  const repeats = new Repeats(1000);
  const said = [0, 500, 999, 1000, 1999, 2000].filter((nowMs) => repeats.claim('08006', nowMs));
  expect(said).toEqual([0, 1000, 2000]);
  expect(repeats.claim('42P01', 1)).toBe(true);
  expect(repeats.claim('42P01', 2)).toBe(false);
});

test('any number of kinds passes, and none is remembered for ever', () => {
  const repeats = new Repeats(1000);
  for (let i = 0; i < 10_000; i += 1) expect(repeats.claim(`kind ${i}`, 0)).toBe(true);
});
