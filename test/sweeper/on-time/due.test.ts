import { describe, expect, test } from '@jest/globals';
import { type Gap, horizonOf } from '../../../src/sweeper/horizon.ts';
import { dueAtUs } from '../../../src/sweeper/on-time/due.ts';

const MS = 1000;
const THRESHOLD_MS = 10_000;

/** What a sweep at this instant says, with the gaps as far as they have come by then. */
function isStale(heardUs: number, nowUs: number, gaps: readonly Gap[]): boolean {
  const known = gaps
    .filter(({ startUs }) => startUs < nowUs)
    .map((gap) => ({ ...gap, endUs: Math.min(gap.endUs, nowUs) }));
  return heardUs < horizonOf(nowUs, THRESHOLD_MS, known).atUs;
}

/** A repeatable whole number below `below`. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('a row that is not heard again comes due', () => {
  test.each<[string, number, Gap[], number]>([
    ['after its threshold', 0, [], 10_000],
    ['later by a gap after it was heard', 0, [{ startUs: 2_000 * MS, endUs: 5_000 * MS }], 13_000],
    ['no later by a gap before it was heard', 6_000, [{ startUs: 2_000 * MS, endUs: 5_000 * MS }], 16_000],
    ['no later by a gap after that', 0, [{ startUs: 11_000 * MS, endUs: 15_000 * MS }], 10_000],
    ['a threshold after the gap in which it was heard', 3_000, [{ startUs: 2_000 * MS, endUs: 5_000 * MS }], 15_000],
    [
      'later by a second gap that the first one brought within its threshold',
      0,
      [
        { startUs: 12_000 * MS, endUs: 13_000 * MS },
        { startUs: 2_000 * MS, endUs: 5_000 * MS },
      ],
      14_000,
    ],
    [
      'a threshold after a database went back',
      0,
      [{ startUs: 2_000 * MS, endUs: 5_000 * MS, kind: 'rewound' }],
      15_000,
    ],
  ])('%s', (_name, heardMs, gaps, dueMs) => {
    expect(dueAtUs(heardMs * MS, THRESHOLD_MS, gaps)).toBe(dueMs * MS);
  });

  test('at the instant at which a sweep begins to find it stale, with any gaps', () => {
    const below = numbers(7);
    for (let round = 0; round < 5_000; round += 1) {
      let atUs = 0;
      const gaps = Array.from({ length: below(5) }, (): Gap => {
        const startUs = atUs + 1 + below(8_000 * MS);
        atUs = startUs + 1 + below(8_000 * MS);
        return { startUs, endUs: atUs, kind: below(8) === 0 ? 'rewound' : 'unwatched' };
      });
      const heardUs = below(20_000 * MS);
      const dueUs = dueAtUs(heardUs, THRESHOLD_MS, gaps);
      const before = isStale(heardUs, dueUs - 1, gaps);
      const after = isStale(heardUs, dueUs + 1, gaps);
      expect({ heardUs, gaps, dueUs, before, after }).toMatchObject({ before: false, after: true });
    }
  });
});
