import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Gap } from '../../../src/sweeper/horizon.ts';
import {
  isOverdue,
  judge,
  type Lowering,
  type Observed,
  type Staleness,
  sparedRanges,
} from '../../../src/sweeper/threshold/staleness.ts';

const MINUTE_MS = 60_000;
const nowUs = 1_790_000_000_000_000;
/** Minutes ago, in microseconds since 1970. */
const ago = (minutes: number) => nowUs - minutes * 60_000_000;
const lowering = (minutesAgo: number, fromMinutes: number): Lowering => ({
  loweredAtUs: ago(minutesAgo),
  stuckAfterMs: fromMinutes * MINUTE_MS,
});
const range = (fromAgo: number, untilAgo: number) => ({ fromUs: ago(fromAgo), untilUs: ago(untilAgo) });

describe('the ranges that lowered thresholds spare', () => {
  const cases: Array<[string, { horizonAgo: number; lowerings: Lowering[]; gaps?: Gap[]; spared: unknown[] }]> = [
    ['none without a lowering', { horizonAgo: 1, lowerings: [], spared: [] }],
    [
      'from the old horizon until the lowering',
      { horizonAgo: 1, lowerings: [lowering(5, 10)], spared: [range(10, 5)] },
    ],
    [
      'no further than the horizon in force: what was heard since is not stale in any case',
      { horizonAgo: 1, lowerings: [lowering(0, 10)], spared: [range(10, 1)] },
    ],
    ['none once the old threshold has passed since', { horizonAgo: 1, lowerings: [lowering(10, 10)], spared: [] }],
    [
      'two steps down that meet are one range',
      { horizonAgo: 1, lowerings: [lowering(8, 60), lowering(3, 10)], spared: [range(60, 3)] },
    ],
    [
      'two steps down that lie apart are two',
      { horizonAgo: 1, lowerings: [lowering(20, 60), lowering(3, 10)], spared: [range(60, 20), range(10, 3)] },
    ],
    [
      'in any order',
      { horizonAgo: 1, lowerings: [lowering(3, 10), lowering(20, 60)], spared: [range(60, 20), range(10, 3)] },
    ],
    [
      'unobserved time takes the old horizon back, too',
      {
        horizonAgo: 6,
        lowerings: [lowering(8, 10)],
        gaps: [{ startUs: ago(7), endUs: ago(2) }],
        spared: [range(15, 8)],
      },
    ],
  ];
  test.each(cases)('%s', (_name, { horizonAgo, lowerings, gaps = [], spared }) => {
    expect(sparedRanges(lowerings, ago(horizonAgo), nowUs, gaps)).toEqual(spared);
  });

  test('are disjoint and in order, and contain everything that one of the lowerings spares', () => {
    const lowerings = fc.array(
      fc.record({ minutesAgo: fc.integer({ min: 0, max: 100 }), fromMinutes: fc.integer({ min: 1, max: 100 }) }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(lowerings, fc.integer({ min: 0, max: 120 }), (list, heardAgo) => {
        const made = list.map(({ minutesAgo, fromMinutes }) => lowering(minutesAgo, fromMinutes));
        const spared = sparedRanges(made, ago(1), nowUs, []);
        for (const [i, next] of spared.slice(1).entries()) expect(next.fromUs).toBeGreaterThan(spared[i]!.untilUs);
        const heardUs = ago(heardAgo);
        const expected = made.some(
          ({ loweredAtUs, stuckAfterMs }) =>
            heardUs < loweredAtUs && heardUs < ago(1) && heardUs >= nowUs - stuckAfterMs * 1000,
        );
        expect(spared.some(({ fromUs, untilUs }) => fromUs <= heardUs && heardUs < untilUs)).toBe(expected);
      }),
    );
  });
});

describe('the threshold that a sweep judges by', () => {
  const observed: Observed = { nowUs, beatAtUs: nowUs, gaps: [], inForceMs: 10 * MINUTE_MS, lowerings: [] };
  const horizonMinutes = ({ horizonUs }: Staleness) => (nowUs - horizonUs) / 60_000_000;

  test('is the longer of its own and the one in force', () => {
    expect(judge(observed, { stuckAfterMs: MINUTE_MS }).stuckAfterMs).toBe(10 * MINUTE_MS);
    expect(horizonMinutes(judge(observed, { stuckAfterMs: MINUTE_MS }).staleness)).toBe(10);
    expect(judge(observed, { stuckAfterMs: 60 * MINUTE_MS }).stuckAfterMs).toBe(60 * MINUTE_MS);
  });

  test('is its own where no daemon has stored one', () => {
    expect(judge({ ...observed, inForceMs: null }, { stuckAfterMs: MINUTE_MS }).stuckAfterMs).toBe(MINUTE_MS);
  });

  test('is only its own when it overrides, and nothing is spared', () => {
    const { stuckAfterMs, staleness } = judge(
      { ...observed, lowerings: [lowering(0, 60)] },
      { stuckAfterMs: MINUTE_MS, stuckAfterOverrides: true },
    );
    expect(stuckAfterMs).toBe(MINUTE_MS);
    expect(staleness).toMatchObject({ horizonUs: ago(1), spared: [] });
  });

  test("an override shorter than the daemons' beats does not treat the time between two beats as unobserved", () => {
    const beaten = { ...observed, beatAtUs: ago(0.2) };
    expect(judge(beaten, { stuckAfterMs: 20_000, stuckAfterOverrides: true }).horizon.unobservedUs).toBe(0);
  });
});

describe('a deadline and a clock that was set forward', () => {
  const jump = (atAgo: number, minutes: number) => ({ startUs: ago(atAgo), lengthUs: minutes * 60_000_000 });
  const row = (createdAgo: number, deadlineAgo: number) => ({
    createdAtUs: ago(createdAgo),
    deadlineUs: ago(deadlineAgo),
  });

  test.each([
    ['without a jump: it has passed', row(100, 1), [], true],
    ['without a jump: now is not past', row(100, 0), [], false],
    ['leapt over: the clock says an hour, none of it passed', row(70, 30), [jump(65, 60)], false],
    ['leapt over: still ahead by what was left', row(70, 59), [jump(65, 60)], false],
    ['it lay before the jump: it had passed by then', row(70, 66), [jump(65, 60)], true],
    ['created after the jump: it follows the clock', row(4, 1), [jump(65, 60)], true],
    ['once what was left has passed as well', row(130, 62), [jump(125, 60)], true],
    ['two jumps add up', row(130, 62), [jump(125, 60), jump(40, 30)], false],
    ['only the jump that the row lived through counts', row(50, 32), [jump(125, 60), jump(40, 30)], true],
  ])('%s', (_name, delegation, jumps, expected) => {
    expect(isOverdue(delegation, nowUs, jumps)).toBe(expected);
  });
});
