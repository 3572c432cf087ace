import { expect, test } from '@jest/globals';
import { type HeardRange, unjudged } from '../../../src/sweeper/on-time/heard-ranges.ts';
import type { SparedRange } from '../../../src/sweeper/threshold/staleness.ts';
import { plainStaleness } from '../../support/plain-staleness.ts';

const range = (fromUs: number, untilUs: number): SparedRange => ({ fromUs, untilUs });
const ranges = (spared: readonly SparedRange[], now: readonly SparedRange[]): readonly HeardRange[] =>
  unjudged({ ...plainStaleness(100), spared }, now);

test('the rows that come due next were last heard at the horizon of the last sweep or later', () => {
  expect(ranges([], [])).toEqual([{ fromUs: 100, untilUs: null }]);
});

test('and so are those that it spared, unless they are still spared', () => {
  expect(ranges([range(20, 80)], [])).toEqual([range(20, 80), { fromUs: 100, untilUs: null }]);
  expect(ranges([range(20, 80)], [range(50, 80)])).toEqual([range(20, 50), { fromUs: 100, untilUs: null }]);
  expect(ranges([range(20, 80)], [range(10, 90)])).toEqual([{ fromUs: 100, untilUs: null }]);
});

test('except rows spared since, also in between', () => {
  expect(ranges([], [range(50, 150)])).toEqual([{ fromUs: 150, untilUs: null }]);
  expect(ranges([], [range(120, 150)])).toEqual([range(100, 120), { fromUs: 150, untilUs: null }]);
  expect(ranges([range(20, 80)], [range(30, 40), range(50, 60)])).toEqual([
    range(20, 30),
    range(40, 50),
    range(60, 80),
    { fromUs: 100, untilUs: null },
  ]);
});
