import { describe, expect, test } from '@jest/globals';
import {
  calm,
  inFlightCountMax,
  judgeStorm,
  looksLikeStorm,
  type StormOptions,
  type StormSigns,
  type StormState,
  type StormVerdict,
} from '../../../src/sweeper/storm/storm-guard.ts';

const options: StormOptions = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };
const MINUTE_US = 60_000_000;
const startUs = 1_700_000_000_000_000;
const at = (minutes: number) => startUs + minutes * MINUTE_US;

describe('the look of a storm', () => {
  const cases: Array<[string, StormSigns, Partial<StormOptions>, boolean]> = [
    ['nothing is stale', { stale: 0, callees: 0, inFlight: 100 }, {}, false],
    ['nothing is stale, and STORM_MIN_STALE is 0', { stale: 0, callees: 0, inFlight: 0 }, { minStale: 0 }, false],
    ['one row below STORM_MIN_STALE', { stale: 19, callees: 5, inFlight: 19 }, {}, false],
    ['exactly STORM_MIN_STALE', { stale: 20, callees: 5, inFlight: 20 }, {}, true],
    ['one callee alone, however many rows', { stale: 5000, callees: 1, inFlight: 5000 }, {}, false],
    ['two callees', { stale: 5000, callees: 2, inFlight: 5000 }, {}, true],
    ['one row below STORM_RATIO', { stale: 49, callees: 5, inFlight: 99 }, {}, false],
    ['exactly STORM_RATIO', { stale: 50, callees: 5, inFlight: 100 }, {}, true],
    ['above STORM_RATIO', { stale: 51, callees: 5, inFlight: 100 }, {}, true],
    ['STORM_RATIO 0 turns it off', { stale: 5000, callees: 50, inFlight: 5000 }, { ratio: 0 }, false],
    ['STORM_RATIO 1, one is alive', { stale: 99, callees: 5, inFlight: 100 }, { ratio: 1 }, false],
    ['STORM_RATIO 1, none is alive', { stale: 100, callees: 5, inFlight: 100 }, { ratio: 1 }, true],
  ];
  test.each(cases)('%s', (_case, signs, changed, expected) => {
    expect(looksLikeStorm(signs, { ...options, ...changed })).toBe(expected);
  });

  test('a fleet counted no further than stale / ratio is judged as if it had been counted whole', () => {
    for (const ratio of [0.01, 0.1, 0.3, 1 / 3, 0.5, 0.7, 0.99, 1]) {
      for (let stale = 1; stale <= 200; stale += 1) {
        const countMax = inFlightCountMax(stale, ratio);
        expect(countMax).toBeLessThanOrEqual(stale / ratio + 1);
        for (const fleet of [stale, Math.floor(stale / ratio), Math.ceil(stale / ratio), countMax, countMax + 1, 1e6]) {
          if (fleet < stale) continue;
          const signs = { stale, callees: 2 };
          const judged = { ...options, minStale: 1, ratio };
          expect(looksLikeStorm({ ...signs, inFlight: Math.min(fleet, countMax) }, judged)).toBe(
            looksLikeStorm({ ...signs, inFlight: fleet }, judged),
          );
        }
      }
    }
  });
});

describe('the verdict', () => {
  const held: StormState = { heldSinceUs: at(0), releasedAtUs: null };
  const released: StormState = { heldSinceUs: at(0), releasedAtUs: at(30) };
  interface Case {
    readonly storm: boolean;
    readonly state: StormState;
    readonly minute: number;
    readonly force?: boolean;
    readonly verdict: StormVerdict;
  }
  const cases: Array<[string, Case]> = [
    ['no storm: sweep', { storm: false, state: calm, minute: 0, verdict: { action: 'sweep', state: calm } }],
    [
      'its first sweep: hold, from now on',
      { storm: true, state: calm, minute: 0, verdict: { action: 'hold', state: held } },
    ],
    [
      'within STORM_MAX_HOLD: hold',
      { storm: true, state: held, minute: 29.99, verdict: { action: 'hold', state: held } },
    ],
    [
      'exactly STORM_MAX_HOLD: let go, one batch a sweep',
      { storm: true, state: held, minute: 30, verdict: { action: 'trickle', state: released } },
    ],
    [
      'long let go, the storm not over: stay let go',
      { storm: true, state: released, minute: 600, verdict: { action: 'trickle', state: released } },
    ],
    [
      'over while held: sweep, all forgotten',
      { storm: false, state: held, minute: 5, verdict: { action: 'sweep', state: calm } },
    ],
    [
      'over after it was let go: sweep, all forgotten',
      { storm: false, state: released, minute: 40, verdict: { action: 'sweep', state: calm } },
    ],
    [
      'forced while held: sweep, the hold stands',
      { storm: true, state: held, minute: 5, force: true, verdict: { action: 'sweep', state: held } },
    ],
    [
      'forced after it was let go: sweep, it stays let go',
      { storm: true, state: released, minute: 40, force: true, verdict: { action: 'sweep', state: released } },
    ],
    [
      'forced at the first sign: sweep, no hold begins',
      { storm: true, state: calm, minute: 0, force: true, verdict: { action: 'sweep', state: calm } },
    ],
    [
      'forced without a storm: sweep',
      { storm: false, state: calm, minute: 0, force: true, verdict: { action: 'sweep', state: calm } },
    ],
  ];
  test.each(cases)('%s', (_case, { storm, state, minute, force = false, verdict }) => {
    expect(judgeStorm(storm, state, options, at(minute), force)).toEqual(verdict);
  });

  test('a storm is held, let go, and only once it has cleared may the next one be held', () => {
    const actions: string[] = [];
    let state = calm;
    const minutes: Array<[minute: number, storm: boolean]> = [
      [0, true], [10, true], [29, true], [30, true], [31, true], [90, true], [91, false], [92, true], [121, true], [122, true],
    ]; // biome-ignore format: a line of time reads best as a line
    for (const [minute, storm] of minutes) {
      const verdict = judgeStorm(storm, state, options, at(minute), false);
      actions.push(verdict.action);
      state = verdict.state;
    }
    expect(actions).toEqual([
      'hold', 'hold', 'hold', 'trickle', 'trickle', 'trickle', 'sweep', 'hold', 'hold', 'trickle',
    ]); // biome-ignore format: as above
  });

  test('no hold ever lasts longer than STORM_MAX_HOLD, whatever the clock says between two sweeps', () => {
    expect(judgeStorm(true, held, options, at(100_000), false).action).toBe('trickle');
    expect(judgeStorm(true, calm, { ...options, maxHoldMs: 0 }, at(0), false).action).toBe('trickle');
  });
});
