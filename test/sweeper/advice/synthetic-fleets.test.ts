import { describe, expect, test } from '@jest/globals';
import { adviceOf, type CalleeAdvice, type CalleeEvidence } from '../../../src/sweeper/advice/advice.ts';
import { add, type Histogram, histogramOf } from '../../../src/sweeper/advice/buckets.ts';
import type { StoredCounts } from '../../../src/sweeper/advice/callee-counts.ts';
import { exceedingAllowed } from '../../../src/sweeper/advice/confidence.ts';
import { Random } from '../../chaos/random.ts';
import { fleet, type GapOf, logNormal, pareto, toolCalls } from './fleets.ts';
import { gapsOf, INTERVAL_S, type Life, type Outage, sampled } from './simulated-ledger.ts';

const IN_FORCE_MS = 600_000;
const BUCKET = 1.05 * (1 + 1e-6);

function evidenceOf(counts: StoredCounts, over: Partial<CalleeEvidence> = {}): CalleeEvidence {
  return {
    calleeId: counts.calleeId,
    started: counts.started,
    gaps: histogramOf(counts.gaps),
    longest: histogramOf(counts.longest),
    detected: new Map(),
    own: null,
    falselyMarkedMs: [],
    ...over,
  };
}

function advise(lives: readonly Life[], outages: readonly Outage[] = []): ReadonlyMap<string, CalleeAdvice> {
  const { counts } = sampled(lives, { outages });
  return new Map(counts.map((each) => [each.calleeId, adviceOf(evidenceOf(each), IN_FORCE_MS)]));
}

/** The duration, in ms, that so many of them exceed. */
function exceededBy(seconds: readonly number[], count: number): number {
  return seconds.toSorted((a, b) => b - a)[count]! * 1000;
}

/** Few enough at a time that each is followed: what is advised can be compared with what all of them did. */
function unhurried(lives: number, meanLifeS: number): number {
  return (lives * meanLifeS) / 100;
}

function expectAdvice(advice: CalleeAdvice, lives: readonly Life[]): void {
  expect(advice.evidence).toMatchObject({ delegations: lives.length, started: lives.length });
  const gaps = lives.flatMap(gapsOf);
  const exactGapMs = exceededBy(gaps, gaps.length - Math.ceil(gaps.length * 0.999));
  expect(advice.gapMs).toBeGreaterThanOrEqual(exactGapMs * (1 - 1e-6));
  expect(advice.gapMs).toBeLessThanOrEqual(exactGapMs * BUCKET + 1);
  const longest = lives.map((life) => Math.max(...gapsOf(life)));
  const exactMs = exceededBy(longest, exceedingAllowed(lives.length)!);
  expect(advice.threshold!.exactMs).toBeGreaterThanOrEqual(exactMs * (1 - 1e-6));
  expect(advice.threshold!.exactMs).toBeLessThanOrEqual(exactMs * BUCKET + 1);
  expect(advice.threshold!.ms).toBeGreaterThanOrEqual(advice.threshold!.exactMs);
}

const kinds: readonly (readonly [string, GapOf, number])[] = [
  ['log-normal gaps', logNormal(25, 0.6), 35],
  ['tool calls of minutes among quick answers', toolCalls(0.05), 35],
  ['a heavy tail', pareto(15, 1.8), 40],
];

describe('the advice is the known quantile, within the width of a bucket, on a fleet with', () => {
  test.each(kinds)('%s', (_, gap, meanGapS) => {
    const [count, gaps] = [6_000, 12];
    const lives = fleet({ calleeId: 'c', lives: count, gap, gaps, over: unhurried(count, gaps * meanGapS) });
    expectAdvice(advise(lives).get('c')!, lives);
  });

  test('two kinds of callee, each by itself', () => {
    const shape = { lives: 4_000, gaps: 10, over: unhurried(4_000, 1000) };
    const quick = fleet({ ...shape, calleeId: 'quick', gap: logNormal(18, 0.2) });
    const slow = fleet({ ...shape, calleeId: 'slow', gap: toolCalls(0.1), seed: 2 });
    const advice = advise([...quick, ...slow]);
    expectAdvice(advice.get('quick')!, quick);
    expectAdvice(advice.get('slow')!, slow);
    expect(advice.get('quick')!.threshold!.ms).toBeLessThan(60_000);
    expect(advice.get('slow')!.threshold!.ms).toBeGreaterThan(400_000);
  });
});

test('long delegations are chosen as often as short ones, however many of them are under way at a time', () => {
  const shape = { gap: logNormal(20, 0.1), over: 4_000, calleeId: 'c' };
  const short = fleet({ ...shape, lives: 6_000, gaps: 2 });
  const long = fleet({ ...shape, lives: 600, gaps: 60, gap: logNormal(40, 0.1), seed: 2 }).map((life) => ({
    ...life,
    delegationId: `long-${life.delegationId}`,
  }));
  const [counts] = sampled([...short, ...long]).counts;
  // Only a part is followed. Chosen among those in progress at a time, four of five would be long.
  expect(counts!.sampled).toBeLessThan(6_600);
  const underWay = [...short, ...long].filter(({ entered, ended }) => entered <= 3_000 && ended > 3_000);
  const longUnderWay = underWay.filter(({ delegationId }) => delegationId.startsWith('long'));
  expect(longUnderWay.length / underWay.length).toBeGreaterThan(0.7);
  const isLong = (bucket: number) => 1.05 ** bucket > 35_000;
  const longOnes = [...histogramOf(counts!.longest)].reduce((sum, [bucket, n]) => sum + (isLong(bucket) ? n : 0), 0);
  expect(longOnes / counts!.sampled).toBeGreaterThan(0.075);
  expect(longOnes / counts!.sampled).toBeLessThan(0.107);
});

describe('silence that is nobody’s counts for nothing', () => {
  const shape = { calleeId: 'c', lives: 4_000, gaps: 12, gap: logNormal(20, 0.15), over: 24_000 };
  const quiet = advise(fleet(shape)).get('c')!;

  test('an outage of the database, during which nothing could be heard', () => {
    const outages = [
      { from: 5_003, until: 6_501 },
      { from: 9_000, until: 9_100 },
    ];
    // A stamp that falls into an outage is written when it is over.
    const late = (at: number) =>
      outages.reduce((is, { from, until }) => (is >= from && is < until ? until + 1 : is), at);
    const lives = fleet(shape).map((life) => ({
      ...life,
      entered: late(life.entered),
      stamps: [...new Set(life.stamps.map(late))],
      ended: late(life.ended),
    }));
    const advice = advise(lives, outages).get('c')!;
    expect(advice.threshold!.exactMs).toBeLessThanOrEqual(quiet.threshold!.exactMs * BUCKET + INTERVAL_S * 1000);
    // Counted as silence, the outages would exceed it by far.
    const naive = lives.map((life) => Math.max(...gapsOf(life)) * 1000);
    expect(
      exceededBy(
        naive.map((ms) => ms / 1000),
        exceedingAllowed(advice.evidence.delegations)!,
      ),
    ).toBeGreaterThan(advice.threshold!.exactMs * 10);
  });

  test('a wait, whether it is resumed or passes', () => {
    const lives = fleet(shape).map((life, i) => {
      const since = life.stamps[4]! + 5;
      const until = since + 600;
      const later = life.stamps.slice(5).map((at) => at + 605 - (i % 2) * 5);
      const wait = { since, until, resumed: i % 2 === 0 };
      const stamps = [...life.stamps.slice(0, 5), ...(wait.resumed ? [until] : []), ...later];
      return { ...life, wait, stamps, ended: life.ended + 605 };
    });
    const advice = advise(lives).get('c')!;
    expect(advice.threshold!.exactMs).toBeLessThanOrEqual(quiet.threshold!.exactMs * BUCKET + INTERVAL_S * 1000);
  });
});

test('at most one in a thousand exceeds the advised threshold, in 95 of 100 fleets', () => {
  // Longest gaps by a log-normal law, of which the share that exceeds a duration is known.
  const [median, sigma] = [60_000, 0.8];
  const shareBeyond = (ms: number) => 1 - normalBelow(Math.log(ms / median) / sigma);
  const fleets = Array.from({ length: 100 }, (_, seed) => {
    const random = new Random(seed + 1);
    const longest: Histogram = new Map();
    for (let i = 0; i < 5_000; i += 1) add(longest, logNormal(median, sigma)(random));
    const evidence = { gaps: new Map(), longest, detected: new Map(), own: null, falselyMarkedMs: [] };
    return shareBeyond(adviceOf({ calleeId: 'c', started: 5_000, ...evidence }, IN_FORCE_MS).threshold!.exactMs);
  });
  expect(fleets.filter((share) => share <= 0.001).length).toBeGreaterThanOrEqual(95);
  // And it is not simply very long: the largest of five thousand is exceeded by one in five thousand.
  expect(fleets.filter((share) => share > 0.00005).length).toBeGreaterThan(80);
});

/** The normal distribution, by Abramowitz and Stegun 7.1.26. */
function normalBelow(z: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(z) / Math.SQRT2));
  const poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const erf = 1 - poly * Math.exp((-z * z) / 2);
  return z >= 0 ? (1 + erf) / 2 : (1 - erf) / 2;
}
