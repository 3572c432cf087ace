import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  BEATS_MISSED_MAX,
  beatIntervalMs,
  type Gap,
  horizonOf,
  unobserved as unobservedUntilNow,
} from '../../src/sweeper/horizon.ts';

const MINUTE_US = 60_000_000;
const HOUR = 60;
const startUs = 1_700_000_000_000_000;
/** Minutes since the start of the scenario. */
const at = (minutes: number) => startUs + minutes * MINUTE_US;
const gap = (start: number, end: number): Gap => ({ startUs: at(start), endUs: at(end) });
const stuckAfterMs = 10 * 60_000;

/** The gap that is still open, if there is one. */
function openGap(nowUs: number, beatAtUs: number | null, thresholdMs: number): Gap | null {
  return unobservedUntilNow({ nowUs, beatAtUs, gaps: [] }, thresholdMs).at(0) ?? null;
}

describe('a last beat that lies ahead of the clock', () => {
  test('shows that it was set back: nothing is stale until a beat has recorded it', () => {
    const open = openGap(at(60), at(61), stuckAfterMs);
    expect(open).toEqual({ startUs: at(60) - 1, endUs: at(60), kind: 'rewound' });
    expect(horizonOf(at(60), stuckAfterMs, [open!]).atUs).toBeLessThan(at(-1e6));
  });

  test('by a second or less shows nothing', () => {
    expect(openGap(at(60), at(60) + 1_000_000, stuckAfterMs)).toBeNull();
  });
});

describe('the horizon', () => {
  interface Case {
    readonly now: number;
    readonly gaps: readonly Gap[];
    readonly horizon: number;
    readonly unobserved: number;
  }
  const cases: Array<[string, Case]> = [
    ['without a gap it is the threshold ago', { now: 60, gaps: [], horizon: 50, unobserved: 0 }],
    [
      'the database was away for an hour and is just back',
      { now: 120, gaps: [gap(60, 120)], horizon: 50, unobserved: HOUR },
    ],
    [
      'five minutes after that hour: half of the threshold has been observed',
      { now: 125, gaps: [gap(60, 120)], horizon: 55, unobserved: HOUR },
    ],
    [
      'a whole threshold after that hour: the gap is out of reach',
      { now: 130, gaps: [gap(60, 120)], horizon: 120, unobserved: 0 },
    ],
    [
      'one microsecond less, and the gap still counts',
      { now: 130 - 1 / MINUTE_US, gaps: [gap(60, 120)], horizon: 60 - 1 / MINUTE_US, unobserved: HOUR },
    ],
    [
      'no daemon for a night while the agents worked on',
      { now: 12 * HOUR, gaps: [gap(2 * HOUR, 12 * HOUR)], horizon: 2 * HOUR - 10, unobserved: 10 * HOUR },
    ],
    [
      'two gaps inside one threshold',
      { now: 60, gaps: [gap(40, 48), gap(52, 58)], horizon: 50 - 6 - 8, unobserved: 14 },
    ],
    [
      'a gap that only the push of a newer one reaches',
      { now: 60, gaps: [gap(30, 45), gap(52, 58)], horizon: 50 - 6 - 15, unobserved: 21 },
    ],
    [
      'a gap before all that counts is left alone',
      { now: 60, gaps: [gap(0, 20), gap(52, 58)], horizon: 44, unobserved: 6 },
    ],
    ['a gap that ends exactly at the horizon is past', { now: 60, gaps: [gap(30, 50)], horizon: 50, unobserved: 0 }],
    ['adjacent gaps add up', { now: 60, gaps: [gap(40, 50), gap(50, 60)], horizon: 30, unobserved: 20 }],
    [
      'gaps that overlap (they never should) push no less than one of them',
      { now: 60, gaps: [gap(40, 55), gap(50, 60)], horizon: 25, unobserved: 25 },
    ],
  ];
  test.each(cases)('%s', (_case, { now, gaps, horizon, unobserved }) => {
    const found = horizonOf(Math.round(at(now)), stuckAfterMs, gaps);
    expect(found).toEqual({ atUs: Math.round(at(horizon)), unobservedUs: unobserved * MINUTE_US });
    expect(horizonOf(Math.round(at(now)), stuckAfterMs, [...gaps].reverse())).toEqual(found);
  });

  const outage = [gap(60, 120)];
  const isStale = (heard: number, now: number) => at(heard) < horizonOf(at(now), stuckAfterMs, outage).atUs;

  test('a row that was stale before the gap is marked at once', () => {
    expect(isStale(49, 120)).toBe(true);
    expect(isStale(50, 120)).toBe(false);
  });

  test('an agent that died inside the gap has its whole threshold after it', () => {
    for (const heard of [60, 90, 119.9]) {
      expect(isStale(heard, 129.9)).toBe(false);
      expect(isStale(heard, 130.1)).toBe(true);
    }
  });

  test('an agent that died before the gap has the rest of its threshold', () => {
    expect(isStale(55, 124.9)).toBe(false);
    expect(isStale(55, 125.1)).toBe(true);
  });

  test('an agent that worked all through the gap is alive', () => {
    expect(isStale(119, 120)).toBe(false);
  });
});

describe('the beat', () => {
  test.each([
    [30 * 24 * 3_600_000, 10_000],
    [600_000, 10_000],
    [100_000, 10_000],
    [50_000, 5_000],
    [1_000, 100],
  ])('with a threshold of %i ms a beat comes every %i ms', (stuckAfter, interval) => {
    expect(beatIntervalMs(stuckAfter)).toBe(interval);
  });

  test('a threshold shorter than ten seconds has a shorter beat, so that its gaps are seen too', () => {
    const nowUs = at(0);
    for (const stuckAfter of [1_000, 3_000, 9_000]) {
      const gapAfterUs = BEATS_MISSED_MAX * beatIntervalMs(stuckAfter) * 1000;
      expect(gapAfterUs).toBeLessThan(stuckAfter * 1000);
      expect(openGap(nowUs, nowUs - gapAfterUs - 1, stuckAfter)).toEqual({
        startUs: nowUs - gapAfterUs - 1,
        endUs: nowUs,
      });
    }
  });

  test('a rolling restart, three beats at most, is no gap', () => {
    expect(openGap(at(1), at(0.5), stuckAfterMs)).toBeNull();
    expect(openGap(at(1), at(0.5) - 1, stuckAfterMs)).not.toBeNull();
  });

  test('no beat ever: no gap', () => {
    expect(openGap(at(1), null, stuckAfterMs)).toBeNull();
  });
});

describe('whatever the gaps', () => {
  /** Microseconds, few enough that a run covers every order of gaps, threshold and now. */
  const instant = fc.integer({ min: 0, max: 5_000_000 });
  const gapList = fc
    .uniqueArray(instant, { maxLength: 12 })
    .map((ends) => ends.sort((a, b) => a - b))
    .map((ends) => ends.slice(0, ends.length & ~1))
    .map((ends) =>
      Array.from({ length: ends.length / 2 }, (_, i): Gap => ({ startUs: ends[2 * i]!, endUs: ends[2 * i + 1]! })),
    );
  const threshold = fc.integer({ min: 1, max: 2_000 });
  const past = (nowUs: number, gaps: readonly Gap[]) => gaps.filter(({ endUs }) => endUs <= nowUs);
  /** Microseconds of [from, to] outside of all gaps. */
  const observed = (fromUs: number, toUs: number, gaps: readonly Gap[]) =>
    gaps.reduce(
      (left, { startUs, endUs }) => left - Math.max(0, Math.min(endUs, toUs) - Math.max(startUs, fromUs)),
      toUs - fromUs,
    );

  test('from the horizon until now at least the threshold was observed', () => {
    fc.assert(
      fc.property(instant, threshold, gapList, (nowUs, ms, all) => {
        const gaps = past(nowUs, all);
        expect(observed(horizonOf(nowUs, ms, gaps).atUs, nowUs, gaps)).toBe(ms * 1000);
      }),
    );
  });

  test('with the gaps unchanged, a later now never has an earlier horizon', () => {
    fc.assert(
      fc.property(instant, instant, threshold, gapList, (a, b, ms, all) => {
        const gaps = past(Math.min(a, b), all);
        expect(horizonOf(Math.max(a, b), ms, gaps).atUs).toBeGreaterThanOrEqual(
          horizonOf(Math.min(a, b), ms, gaps).atUs,
        );
      }),
    );
  });

  test('new gaps never move the horizon to before an earlier one', () => {
    fc.assert(
      fc.property(instant, instant, threshold, gapList, (a, b, ms, all) => {
        const [soonerUs, laterUs] = [Math.min(a, b), Math.max(a, b)];
        // If the earlier instant is inside a gap that is still open, the part of it that has passed counts there too.
        const open = all.find(({ startUs, endUs }) => startUs < soonerUs && soonerUs < endUs);
        const before = [...past(soonerUs, all), ...(open ? [{ startUs: open.startUs, endUs: soonerUs }] : [])];
        expect(horizonOf(laterUs, ms, past(laterUs, all)).atUs).toBeGreaterThanOrEqual(
          open && open.endUs > laterUs ? Number.NEGATIVE_INFINITY : horizonOf(soonerUs, ms, before).atUs,
        );
      }),
    );
  });

  test('one gap more never marks more', () => {
    fc.assert(
      fc.property(instant, threshold, gapList, fc.nat(), (nowUs, ms, all, pick) => {
        const gaps = past(nowUs, all);
        const fewer = gaps.filter((_, i) => i !== pick % Math.max(1, gaps.length));
        expect(horizonOf(nowUs, ms, gaps).atUs).toBeLessThanOrEqual(horizonOf(nowUs, ms, fewer).atUs);
      }),
    );
  });

  test('a gap is open once three beats are missing, reaches from the last one until now, and never makes the horizon later', () => {
    fc.assert(
      fc.property(instant, instant, threshold, gapList, (a, b, ms, all) => {
        const [beatAtUs, nowUs] = [Math.min(a, b), Math.max(a, b)];
        const gaps = past(beatAtUs, all);
        const open = openGap(nowUs, beatAtUs, ms);
        expect(open === null).toBe(nowUs - beatAtUs <= BEATS_MISSED_MAX * beatIntervalMs(ms) * 1000);
        if (open) expect(open).toEqual({ startUs: beatAtUs, endUs: nowUs });
        expect(horizonOf(nowUs, ms, open ? [...gaps, open] : gaps).atUs).toBeLessThanOrEqual(nowUs - ms * 1000);
      }),
    );
  });
});
