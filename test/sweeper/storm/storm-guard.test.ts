import { describe, expect, test } from '@jest/globals';
import {
  calm,
  judgeStorm,
  looksLikeStorm,
  type StormOptions,
  type StormSigns,
  type StormState,
  type StormVerdict,
  staleAllowed,
  toWatch,
} from '../../../src/sweeper/storm/storm-guard.ts';

const options: StormOptions = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };
const MINUTE_US = 60_000_000;
const startUs = 1_700_000_000_000_000;
const at = (minutes: number) => startUs + minutes * MINUTE_US;
const stuckAfterMs = 600_000;

describe('the shape of a storm', () => {
  const cases: Array<[string, Pick<StormSigns, 'silent' | 'callees' | 'inFlight'>, Partial<StormOptions>, boolean]> = [
    ['nothing fell silent', { silent: 0, callees: 0, inFlight: 100 }, {}, false],
    ['nothing fell silent, and STORM_MIN_STALE is 0', { silent: 0, callees: 0, inFlight: 0 }, { minStale: 0 }, false],
    ['one row below STORM_MIN_STALE', { silent: 19, callees: 5, inFlight: 19 }, {}, false],
    ['exactly STORM_MIN_STALE', { silent: 20, callees: 5, inFlight: 20 }, {}, true],
    ['one callee alone, however many rows', { silent: 5000, callees: 1, inFlight: 5000 }, {}, false],
    ['two callees', { silent: 5000, callees: 2, inFlight: 5000 }, {}, true],
    ['one callee, and STORM_MIN_CALLEES is 1', { silent: 5000, callees: 1, inFlight: 5000 }, { minCallees: 1 }, true],
    ['one callee below STORM_MIN_CALLEES', { silent: 5000, callees: 4, inFlight: 5000 }, { minCallees: 5 }, false],
    ['exactly STORM_MIN_CALLEES', { silent: 5000, callees: 5, inFlight: 5000 }, { minCallees: 5 }, true],
    ['one row below STORM_RATIO', { silent: 49, callees: 5, inFlight: 99 }, {}, false],
    ['exactly STORM_RATIO', { silent: 50, callees: 5, inFlight: 100 }, {}, true],
    ['above STORM_RATIO', { silent: 51, callees: 5, inFlight: 100 }, {}, true],
    ['STORM_RATIO 0 turns it off', { silent: 5000, callees: 50, inFlight: 5000 }, { ratio: 0 }, false],
    ['STORM_RATIO 1, one is alive', { silent: 99, callees: 5, inFlight: 100 }, { ratio: 1 }, false],
    ['STORM_RATIO 1, none is alive', { silent: 100, callees: 5, inFlight: 100 }, { ratio: 1 }, true],
  ];
  test.each(cases)('%s', (_case, signs, changed, expected) => {
    expect(looksLikeStorm(signs, { ...options, ...changed })).toBe(expected);
  });
});

/** Everything is silent, and nothing was heard again. */
const everything: StormSigns = { stale: 100, late: 100, silent: 100, callees: 5, inFlight: 100, cameBack: 0 };
const part: StormSigns = { ...everything, stale: 60, late: 60, silent: 60 };
const over: StormSigns = { ...everything, stale: 3, late: 3, silent: 3 };

describe('the verdict', () => {
  const held: StormState = { ...calm, formingSinceUs: at(0), heldSinceUs: at(0) };
  const forming: StormState = { ...calm, formingSinceUs: at(-2) };
  const none: StormSigns = { ...everything, stale: 0 };
  const partial: StormState = { ...held, partialSinceUs: at(0) };
  const back: StormState = { ...held, cameBack: 40, cameBackAtUs: at(5) };
  const released: StormState = { ...held, releasedAtUs: at(30), releasedWhy: 'max_hold' };
  interface Case {
    readonly signs: StormSigns;
    readonly state: StormState;
    readonly minute: number;
    readonly force?: boolean;
    readonly verdict: StormVerdict;
  }
  const sweep = (state: StormState, why: StormVerdict['released'] = null): StormVerdict => ({
    action: 'sweep',
    state,
    released: why,
  });
  const hold = (state: StormState): StormVerdict => ({ action: 'hold', state, released: null });
  const trickle = (state: StormState, why: StormVerdict['released'] = null): StormVerdict => ({
    action: 'trickle',
    state,
    released: why,
  });
  const isPart = (state: StormState, sinceUs: number): StormState => ({ ...state, partialSinceUs: sinceUs });
  const calmed = (state: StormState, minute: number): StormState => ({
    ...state,
    releasedAtUs: at(minute),
    releasedWhy: 'calm',
  });
  const cases: Array<[string, Case]> = [
    ['no storm: sweep', { signs: over, state: calm, minute: 0, verdict: sweep(calm) }],
    ['its first sweep: hold, from now on', { signs: everything, state: calm, minute: 0, verdict: hold(held) }],
    [
      'its first sweep, nothing of it stale for longer than a moment: hold nevertheless',
      { signs: { ...everything, stale: 1 }, state: calm, minute: 0, verdict: hold(held) },
    ],
    [
      'nothing stale yet: nothing to hold, but the signs are kept',
      { signs: none, state: calm, minute: -2, verdict: sweep(forming) },
    ],
    [
      'the first stale rows of what was forming: hold, from now on',
      { signs: everything, state: forming, minute: 0, verdict: hold({ ...forming, heldSinceUs: at(0) }) },
    ],
    ['what was forming is no more: forgotten', { signs: over, state: forming, minute: 0, verdict: sweep(calm) }],
    [
      'most of what was forming was heard again, and the rest is stale: hold, it may be heard soon',
      {
        signs: { ...over, cameBack: 90 },
        state: forming,
        minute: 0,
        verdict: hold({ ...isPart(forming, at(0)), heldSinceUs: at(0), cameBack: 90, cameBackAtUs: at(0) }),
      },
    ],
    [
      'forced while it forms: sweep, no hold begins',
      { signs: everything, state: forming, minute: 0, force: true, verdict: sweep(calm) },
    ],
    [
      'a part that was heard since before the hold: seven and a half minutes of holding nevertheless',
      {
        signs: part,
        state: { ...held, partialSinceUs: at(-3) },
        minute: 7,
        verdict: hold({ ...held, partialSinceUs: at(-3) }),
      },
    ],
    ['within STORM_MAX_HOLD: hold', { signs: everything, state: held, minute: 29.99, verdict: hold(held) }],
    [
      'exactly STORM_MAX_HOLD: released, each sweep marks a share of the stale',
      { signs: everything, state: held, minute: 30, verdict: trickle(released, 'max_hold') },
    ],
    [
      'released long ago, the storm not over: stay released',
      { signs: everything, state: released, minute: 600, verdict: trickle(released) },
    ],
    [
      'released, still above half of STORM_RATIO: stay released',
      { signs: { ...everything, silent: 25 }, state: released, minute: 60, verdict: trickle(isPart(released, at(60))) },
    ],
    [
      'released, below half of STORM_RATIO: over',
      { signs: { ...everything, silent: 24 }, state: released, minute: 60, verdict: sweep(calm) },
    ],
    [
      'released, under half of STORM_RATIO, but some were heard again a moment ago: not over',
      {
        signs: { ...everything, stale: 24, late: 24, silent: 24, cameBack: 10 },
        state: released,
        minute: 60,
        verdict: trickle({ ...isPart(released, at(60)), cameBack: 10, cameBackAtUs: at(60) }),
      },
    ],
    ['over while held: sweep, all forgotten', { signs: over, state: held, minute: 5, verdict: sweep(calm, 'calm') }],
    [
      'over after it was released: sweep, memory cleared',
      { signs: over, state: released, minute: 40, verdict: sweep(calm) },
    ],
    [
      'all of them heard again: over',
      {
        signs: { ...over, stale: 0, late: 0, silent: 0, cameBack: 60 },
        state: back,
        minute: 6,
        verdict: sweep(calm, 'calm'),
      },
    ],
    [
      'some were heard again a moment ago, and few are left: hold, the rest may be heard soon',
      {
        signs: { ...over, cameBack: 10 },
        state: back,
        minute: 6,
        verdict: hold({ ...isPart(back, at(6)), cameBack: 50, cameBackAtUs: at(6) }),
      },
    ],
    [
      'some came back less than STUCK_AFTER ago: hold',
      { signs: part, state: isPart(back, at(0)), minute: 14.99, verdict: hold(isPart(back, at(0))) },
    ],
    [
      'none came back for STUCK_AFTER, after others did: what stayed silent is marked',
      {
        signs: part,
        state: isPart(back, at(0)),
        minute: 15,
        verdict: sweep(calmed(isPart(back, at(0)), 15), 'calm'),
      },
    ],
    [
      'fewer than one in twenty came back: they were slow by themselves',
      {
        signs: part,
        state: { ...partial, cameBack: 3, cameBackAtUs: at(7) },
        minute: 8,
        verdict: sweep(calmed({ ...partial, cameBack: 3, cameBackAtUs: at(7) }, 8), 'calm'),
      },
    ],
    ['a part of the fleet is silent: hold', { signs: part, state: calm, minute: 0, verdict: hold(partial) }],
    ['for seven minutes: hold', { signs: part, state: partial, minute: 7, verdict: hold(partial) }],
    [
      'for seven and a half: the others were heard all the time, so it is dead',
      { signs: part, state: partial, minute: 7.5, verdict: sweep(calmed(partial, 7.5), 'calm') },
    ],
    [
      'a part that began to be heard only now, as after an outage: hold',
      { signs: part, state: held, minute: 20, verdict: hold(isPart(held, at(20))) },
    ],
    ['everything silent again: it was no part', { signs: everything, state: partial, minute: 6, verdict: hold(held) }],
    [
      'released as calm: all marked at once, until it is over',
      { signs: part, state: calmed(partial, 8), minute: 9, verdict: sweep(calmed(partial, 8)) },
    ],
    [
      'forced while held: sweep, the hold stays',
      { signs: everything, state: held, minute: 5, force: true, verdict: sweep(held, 'forced') },
    ],
    [
      'forced after it was released: sweep, it stays released',
      { signs: everything, state: released, minute: 40, force: true, verdict: sweep(released) },
    ],
    [
      'forced at the first sign: sweep, no hold begins',
      { signs: everything, state: calm, minute: 0, force: true, verdict: sweep(calm) },
    ],
    ['forced without a storm: sweep', { signs: over, state: calm, minute: 0, force: true, verdict: sweep(calm) }],
  ];
  test.each(cases)('%s', (_case, { signs, state, minute, force = false, verdict }) => {
    expect(judgeStorm(signs, state, options, { nowUs: at(minute), stuckAfterMs, force })).toEqual(verdict);
  });

  test('STORM_RATIO 0 ends an existing hold', () => {
    const off = { ...options, ratio: 0 };
    expect(judgeStorm(everything, held, off, { nowUs: at(1), stuckAfterMs, force: false })).toEqual(sweep(calm));
  });

  test('a threshold shorter than the hold of a part: the part is held for one threshold', () => {
    const moment = (minute: number) => ({ nowUs: at(minute), stuckAfterMs: 30_000, force: false });
    expect(judgeStorm(part, partial, options, moment(0.49)).action).toBe('hold');
    expect(judgeStorm(part, partial, options, moment(0.5)).action).toBe('sweep');
  });

  test('a storm is held, released, and only when it is over may the next one be held', () => {
    const actions: string[] = [];
    let state = calm;
    const minutes: Array<[minute: number, storm: boolean]> = [
      [0, true], [10, true], [29, true], [30, true], [31, true], [90, true], [91, false], [92, true], [121, true], [122, true],
    ]; // biome-ignore format: a line of time reads best as a line
    for (const [minute, storm] of minutes) {
      const moment = { nowUs: at(minute), stuckAfterMs, force: false };
      const verdict = judgeStorm(storm ? everything : over, state, options, moment);
      actions.push(verdict.action);
      state = verdict.state;
    }
    expect(actions).toEqual([
      'hold', 'hold', 'hold', 'trickle', 'trickle', 'trickle', 'sweep', 'hold', 'hold', 'trickle',
    ]); // biome-ignore format: as above
  });

  test('unobserved time counts towards no hold: after an hour without the database it goes on where it was', () => {
    const gaps = [{ startUs: at(5), endUs: at(65) }];
    const moment = (minute: number) => ({ nowUs: at(minute), stuckAfterMs, gaps, force: false });
    expect(judgeStorm(everything, held, options, moment(65)).action).toBe('hold');
    expect(judgeStorm(everything, held, options, moment(89)).action).toBe('hold');
    expect(judgeStorm(everything, held, options, moment(90)).action).toBe('trickle');
    // Nor towards the calm time after which the hold ends.
    expect(judgeStorm({ ...part, cameBack: 0 }, back, options, moment(65)).action).toBe('hold');
    expect(judgeStorm({ ...part, cameBack: 0 }, back, options, moment(75)).action).toBe('sweep');
    expect(judgeStorm(part, partial, options, moment(65)).action).toBe('hold');
    expect(judgeStorm(part, partial, options, moment(68)).action).toBe('sweep');
  });

  test('no hold lasts longer than STORM_MAX_HOLD, whatever the clock does between two sweeps', () => {
    const moment = (minute: number) => ({ nowUs: at(minute), stuckAfterMs, force: false });
    expect(judgeStorm(everything, held, options, moment(100_000)).action).toBe('trickle');
    expect(judgeStorm(everything, calm, { ...options, maxHoldMs: 0 }, moment(0)).action).toBe('trickle');
    expect(judgeStorm({ ...part, cameBack: 9 }, back, options, moment(31)).action).toBe('trickle');
  });
});

test('a trickle is a twentieth of the stale, and one row at least', () => {
  const shares = [0, 1, 19, 20, 21, 40, 1000, 5000].map((stale) => staleAllowed('trickle', stale));
  expect(shares).toEqual([1, 1, 1, 1, 2, 2, 50, 250]);
  expect(staleAllowed('hold', 1000)).toBe(0);
  expect(staleAllowed('sweep', 1000)).toBe(Number.POSITIVE_INFINITY);
});

test('late rows are watched while none is stale, then the stale ones that a sweep leaves', () => {
  const counts = { stale: 100, late: 140 };
  const held: StormState = { ...calm, formingSinceUs: at(0), heldSinceUs: at(1) };
  expect(toWatch({ action: 'sweep', state: { ...held, heldSinceUs: null } }, counts)).toEqual({
    which: 'late',
    rows: 140,
  });
  expect(toWatch({ action: 'sweep', state: calm }, counts).rows).toBe(0);
  expect(toWatch({ action: 'hold', state: held }, counts)).toEqual({ which: 'stale', rows: 100 });
  expect(toWatch({ action: 'trickle', state: held }, counts)).toEqual({ which: 'stale', rows: 95 });
  expect(toWatch({ action: 'sweep', state: held }, counts)).toEqual({ which: 'stale', rows: 0 });
});
