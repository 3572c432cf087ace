import { expect, test } from '@jest/globals';
import { seconds } from '../../src/log/seconds.ts';

test.each([
  [0, '0 s', '0 s'],
  [999, '0.9 s', '0 s'],
  [7_380, '7.3 s', '7 s'],
  [60_000, '60 s', '60 s'],
])('%s ms are %s, and %s in whole seconds', (ms, text, whole) => {
  expect(seconds(ms)).toBe(text);
  expect(seconds(ms, { whole: true })).toBe(whole);
});
