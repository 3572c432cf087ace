import { describe, expect, test } from '@jest/globals';
import { histogramOf, total } from '../../../src/sweeper/advice/buckets.ts';
import { CALLEES_MAX, OTHER_CALLEES } from '../../../src/sweeper/advice/callee-counts.ts';
import {
  FOLLOWED_MAX,
  FOLLOWED_OF_CALLEE_MAX,
  Sample,
  type SampleReading,
} from '../../../src/sweeper/advice/sample.ts';
import { type Life, SECOND_US, sampled, sightAt } from './simulated-ledger.ts';

const life = (over: Partial<Life> = {}): Life => ({
  delegationId: 'd',
  calleeId: 'c',
  entered: 1,
  stamps: [],
  ended: 10_000,
  ...over,
});

const lives = (count: number, over: (i: number) => Partial<Life> = () => ({})) =>
  Array.from({ length: count }, (_, i) => life({ delegationId: `d-${i}`, ...over(i) }));

function read(sample: Sample, at: number, all: readonly Life[], over: Partial<SampleReading> = {}): void {
  const followed = new Set(sample.followed.map(({ delegationId }) => delegationId));
  sample.take({
    nowUs: at * SECOND_US,
    gaps: [],
    weight: 1,
    changed: all
      .filter(({ delegationId }) => followed.has(delegationId))
      .map((each) => ({ delegationId: each.delegationId, sight: sightAt(each, at) })),
    entered: all
      .filter(({ delegationId, entered }) => !followed.has(delegationId) && entered <= at && entered > at - 10)
      .map((each) => ({
        delegationId: each.delegationId,
        calleeId: each.calleeId,
        ownMs: each.ownMs ?? null,
        enteredUs: each.entered * SECOND_US,
        sight: sightAt(each, at),
      })),
    ...over,
  });
}

const newSample = () => new Sample(10_000);

describe('which are followed', () => {
  test('at most so many, and of one callee at most so many', () => {
    const one = newSample();
    read(one, 10, lives(1000));
    expect(one.followed).toHaveLength(FOLLOWED_OF_CALLEE_MAX);
    const many = newSample();
    read(
      many,
      10,
      lives(1000, (i) => ({ calleeId: `c-${i % 7}` })),
    );
    expect(many.followed).toHaveLength(FOLLOWED_MAX);
  });

  test('a callee with three delegations is not crowded out by one with a million', () => {
    const sample = newSample();
    const busy = lives(600, (i) => ({ calleeId: `busy-${i % 3}` }));
    read(sample, 10, busy);
    expect(sample.followed).toHaveLength(FOLLOWED_MAX);
    // One of them ends.
    const first = sample.followed[0]!.delegationId;
    const rare = life({ delegationId: 'rare', calleeId: 'rare', entered: 15 });
    const more = lives(50, (i) => ({ delegationId: `more-${i}`, calleeId: 'busy-0', entered: 15 }));
    const rest = busy.map((each) => (each.delegationId === first ? { ...each, ended: 15 } : each));
    read(sample, 20, [...rest, ...more, rare]);
    expect(sample.followed.map(({ delegationId }) => delegationId)).toContain('rare');
  });

  test('one that has ended before it is read is chosen by the same rule as one that goes on', () => {
    const sample = newSample();
    read(
      sample,
      10,
      lives(600, (i) => ({ calleeId: `c-${i % 3}` })),
    );
    sample.drain();
    read(sample, 20, [life({ delegationId: 'short', calleeId: 'new', entered: 12, ended: 14 })]);
    expect(sample.drain()).toEqual([expect.objectContaining({ calleeId: 'new', started: 1, sampled: 0 })]);
  });

  test('none that entered long before it was read, since nobody saw its heartbeats', () => {
    const sample = newSample();
    read(sample, 100, [], {
      entered: [
        { delegationId: 'd', calleeId: 'c', ownMs: null, enteredUs: 70 * SECOND_US, sight: sightAt(life(), 100) },
      ],
    });
    expect(sample.followed).toEqual([]);
    expect(sample.drain()).toEqual([expect.objectContaining({ started: 1, sampled: 0 })]);
  });
});

describe('what is counted', () => {
  test('an entry for as many as it stands for', () => {
    const sample = newSample();
    read(sample, 10, lives(3), { weight: 2.5 });
    expect(sample.drain()).toEqual([expect.objectContaining({ calleeId: 'c', started: 8, sampled: 0 })]);
  });

  test('once: a second time there is nothing left', () => {
    const sample = newSample();
    read(sample, 10, [life({ ended: 8 })]);
    expect(sample.drain()).toHaveLength(1);
    expect(sample.drain()).toEqual([]);
  });

  test('thresholds of their own', () => {
    const { counts } = sampled(lives(3, (i) => ({ ended: 20, ...(i > 0 && { ownMs: i * 1000 }) })));
    expect(counts).toEqual([expect.objectContaining({ sampled: 3, own: 2, ownMinMs: 1000, ownMaxMs: 2000 })]);
  });

  test('a bounded number of callees apart, the rest together', () => {
    const sample = newSample();
    read(
      sample,
      10,
      lives(CALLEES_MAX + 50, (i) => ({ calleeId: `c-${i}` })),
    );
    const counts = sample.drain();
    expect(counts).toHaveLength(CALLEES_MAX + 1);
    expect(counts.find(({ calleeId }) => calleeId === OTHER_CALLEES)).toMatchObject({ started: 50 });
  });

  test('one that lives for days as if it had ended after a day, so that its place is free', () => {
    const stamps = Array.from({ length: 3 * 8640 }, (_, i) => 10 + i * 10);
    const { counts, left } = sampled([life({ stamps, ended: 3 * 86_400 })]);
    expect(counts).toEqual([expect.objectContaining({ sampled: 1 })]);
    expect(left).toEqual([]);
  });

  test('nothing of one that is no more', () => {
    const sample = newSample();
    read(sample, 10, [life()]);
    read(sample, 20, [], { changed: [{ delegationId: 'd', sight: null }] });
    expect(sample.followed).toEqual([]);
    expect(sample.drain()).toEqual([expect.objectContaining({ sampled: 0 })]);
  });
});

describe('what is followed is forgotten', () => {
  const reading = (at: number, over: Partial<SampleReading> = {}) => {
    const sample = newSample();
    read(sample, 100, [life({ entered: 95 })]);
    read(sample, at, [], over);
    return sample.followed.length;
  };

  test('when the clock went back', () => {
    expect(reading(99)).toBe(0);
  });
  test('when the database did', () => {
    const gaps = [{ startUs: 50 * SECOND_US, endUs: 105 * SECOND_US, kind: 'rewound' as const }];
    expect(reading(110, { gaps })).toBe(0);
  });
  test('when it was not read for a minute in which heartbeats could come', () => {
    expect(reading(165)).toBe(0);
    expect(reading(155)).toBe(1);
  });
  test('but not over an outage, in which none could', () => {
    const gaps = [{ startUs: 101 * SECOND_US, endUs: 3_599 * SECOND_US }];
    expect(reading(3_600, { gaps })).toBe(1);
  });
});

test('what a daemon hands on is followed by the next one, and counted once', () => {
  const [first, second] = [newSample(), newSample()];
  const all = [life({ stamps: [30, 45], ended: 70 })];
  read(first, 10, all);
  expect(first.drain()).toEqual([expect.objectContaining({ started: 1, sampled: 0 })]);
  second.resume(JSON.parse(JSON.stringify(first.handOn())));
  for (const at of [20, 30, 40, 50, 60, 70]) read(second, at, all);
  const [counts] = second.drain();
  expect(counts).toMatchObject({ started: 0, sampled: 1 });
  // 29, 15 and 25 seconds.
  expect(total(histogramOf(counts!.gaps))).toBe(3);
});
