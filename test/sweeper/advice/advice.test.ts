import { describe, expect, test } from '@jest/globals';
import { adviceOf, type CalleeEvidence } from '../../../src/sweeper/advice/advice.ts';
import { add, bucketOf, endOf, type Histogram } from '../../../src/sweeper/advice/buckets.ts';
import { SAMPLE_MIN } from '../../../src/sweeper/advice/confidence.ts';
import { roundedUp } from '../../../src/sweeper/advice/readable.ts';

const IN_FORCE_MS = 600_000;

/** So many of each duration, in ms. */
function histogram(counts: Readonly<Record<number, number>>): Histogram {
  const made: Histogram = new Map();
  for (const [ms, count] of Object.entries(counts)) add(made, Number(ms), count);
  return made;
}

const advise = (over: Partial<CalleeEvidence> = {}, inForceMs = IN_FORCE_MS) =>
  adviceOf(
    {
      calleeId: 'c',
      started: 0,
      gaps: new Map(),
      longest: new Map(),
      detected: new Map(),
      own: null,
      falselyMarkedMs: [],
      ...over,
    },
    inForceMs,
  );

const endAt = (ms: number) => Math.ceil(endOf(bucketOf(ms)));

describe('on nothing, and on too little, it says nothing', () => {
  test('on nothing', () => {
    expect(advise()).toEqual({
      calleeId: 'c',
      verdict: 'too_little',
      evidence: { delegations: 0, started: 0, gaps: 0, marks: 0, falseMarks: 0 },
      gapMs: null,
      falseMarkShare: null,
      detection: { p50Ms: null, p99Ms: null },
      today: { minMs: IN_FORCE_MS, maxMs: IN_FORCE_MS },
      threshold: null,
      falseShareToday: null,
      gainMs: null,
    });
  });

  test('on one delegation too few, and something on one more', () => {
    const few = advise({ longest: histogram({ 20000: SAMPLE_MIN - 1 }) });
    expect(few).toMatchObject({ verdict: 'too_little', threshold: null, evidence: { delegations: SAMPLE_MIN - 1 } });
    expect(advise({ longest: histogram({ 20000: SAMPLE_MIN }) }).threshold).not.toBeNull();
  });

  test('on few gaps and few marks', () => {
    expect(advise({ gaps: histogram({ 20000: SAMPLE_MIN - 1 }) }).gapMs).toBeNull();
    expect(advise({ gaps: histogram({ 20000: SAMPLE_MIN }) }).gapMs).toBe(endAt(20_000));
    expect(advise({ detected: histogram({ 601000: 5 }) }).detection).toEqual({ p50Ms: null, p99Ms: null });
    expect(advise({ detected: histogram({ 601000: 6 }) }).detection).toEqual({ p50Ms: endAt(601_000), p99Ms: null });
    expect(advise({ detected: histogram({ 601000: 298, 900000: 2 }) }).detection).toEqual({
      p50Ms: endAt(601_000),
      p99Ms: endAt(601_000),
    });
  });
});

describe('the threshold', () => {
  test('is never longer than what was seen, and with the fewest delegations not shorter than the longest', () => {
    const { threshold } = advise({ longest: histogram({ 20000: SAMPLE_MIN - 1, 200000: 1 }) });
    expect(threshold).toEqual({
      ms: roundedUp(endAt(200_000)),
      exactMs: endAt(200_000),
      exceeding: 0,
      confidence: 0.95,
    });
  });

  test('leaves out as many as the confidence allows, and no more', () => {
    // Of ten thousand four may exceed it: their upper limit is 9.15, that of five is 10.5.
    const four = advise({ longest: histogram({ 20000: 9_996, 300000: 4 }) }).threshold!;
    expect(four).toMatchObject({ exactMs: endAt(20_000), exceeding: 4 });
    const five = advise({ longest: histogram({ 20000: 9_995, 300000: 5 }) }).threshold!;
    expect(five).toMatchObject({ exactMs: endAt(300_000), exceeding: 0 });
  });

  test.each<[string, number, number, string, number]>([
    ['too tight where today’s is exceeded too often', 1_200_000, 600_000, 'too_tight', 600_000 - 1_500_000],
    ['could be shorter', 100_000, 600_000, 'could_be_shorter', 600_000 - 120_000],
    ['fits', 590_000, 600_000, 'fits', 0],
  ])('%s', (_, longestMs, inForceMs, verdict, gainMs) => {
    const advice = advise({ longest: histogram({ 20000: 3_000, [longestMs]: 20 }) }, inForceMs);
    expect(advice).toMatchObject({ verdict, gainMs });
    expect(advice.falseShareToday).toBeCloseTo(verdict === 'too_tight' ? 20 / 3_020 : 0, 6);
  });

  test('is compared with the thresholds by which the callee’s delegations are judged', () => {
    const longest = histogram({ 20000: 4_000 });
    const own = { count: 4_000, minMs: 15_000, maxMs: 15_000 };
    expect(advise({ longest, own })).toMatchObject({ verdict: 'too_tight', today: { minMs: 15_000, maxMs: 15_000 } });
    const some = { count: 10, minMs: 60_000, maxMs: 60_000 };
    expect(advise({ longest, own: some })).toMatchObject({
      verdict: 'could_be_shorter',
      today: { minMs: 60_000, maxMs: IN_FORCE_MS },
    });
  });
});

describe('delegations that were marked falsely', () => {
  const sampled = { longest: histogram({ 20000: 10_000 }) };
  const falselyMarkedMs = Array.from({ length: 50 }, () => 900_000);

  test('count with the silence that they survived', () => {
    const advice = advise({ ...sampled, started: 10_000, falselyMarkedMs, detected: histogram({ 601000: 200 }) });
    expect(advice).toMatchObject({
      verdict: 'too_tight',
      falseMarkShare: 0.25,
      threshold: { exactMs: endAt(900_000) },
    });
    expect(advice.falseShareToday).toBeCloseTo(0.005, 6);
    expect(advice.evidence).toMatchObject({ marks: 200, falseMarks: 50 });
  });

  test('count in the sample as little as all the others: of a million, fifty are few', () => {
    const advice = advise({ ...sampled, started: 1_000_000, falselyMarkedMs });
    expect(advice).toMatchObject({
      verdict: 'could_be_shorter',
      threshold: { exactMs: endAt(20_000), exceeding: 0.5 },
    });
  });

  test('never more than all marks', () => {
    expect(advise({ falselyMarkedMs, detected: histogram({ 601000: 10 }) }).falseMarkShare).toBe(1);
  });
});

describe('a threshold is rounded up to a duration that people write', () => {
  test.each([
    [1, 1_000],
    [1_000, 1_000],
    [41_000, 50_000],
    [590_000, 600_000],
    [600_001, 720_000],
    [86_400_001, 129_600_000],
    [40 * 86_400_000, 30 * 86_400_000],
  ])('%i ms to %i ms', (ms, readable) => {
    expect(roundedUp(ms)).toBe(readable);
  });
});
