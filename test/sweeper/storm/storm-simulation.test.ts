import { describe, expect, test } from '@jest/globals';
import { type AgentShape, agent, type Outcome, type Run, simulate } from './simulated-fleet.ts';

const MINUTE = 60;
/** When a family's event begins: every agent has been heard by then, and sweeps have run. */
const START = 15 * MINUTE;
const defaults = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };
const STUCK_AFTER = 10 * MINUTE;

/** A repeatable fraction, 0 to 1. */
function fractions(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

type Shape = (i: number, fraction: () => number) => Partial<AgentShape>;

interface Family {
  readonly size: number;
  readonly shape: Shape;
  readonly run?: Partial<Run>;
}

/** Heartbeats are spread over a minute unless the shape says otherwise. */
function fleet({ size, shape }: Family, until: number) {
  const fraction = fractions(size);
  return Array.from({ length: size }, (_, i) =>
    agent({ callee: `agent-${i}`, place: (i + 0.5) / size, until, gap: () => MINUTE, ...shape(i, fraction) }),
  );
}

/** The family with its sweeps at every second of the minute. */
function atAllPhases(family: Family): Outcome[] {
  const until = family.run?.until ?? START + 45 * MINUTE;
  const agents = fleet(family, until);
  const run = { options: defaults, stuckAfterMs: STUCK_AFTER * 1000, ...family.run, agents, until };
  return Array.from({ length: 60 }, (_, phase) => simulate({ ...run, phase }));
}

/** The same with sweeps between the ticks, which may come at any second. */
function betweenTicks(family: Family, between: 'due' | 'each second', phases: readonly number[]): Outcome[] {
  const until = family.run?.until ?? START + 45 * MINUTE;
  const agents = fleet(family, until);
  const run = { options: defaults, stuckAfterMs: STUCK_AFTER * 1000, between, ...family.run, agents, until };
  return phases.map((phase) => simulate({ ...run, phase }));
}

const mostFalse = (outcomes: readonly Outcome[]) => Math.max(...outcomes.map(({ falseMarks }) => falseMarks));
/** The slowest detection, in minutes; infinite when one was never found. */
const slowest = (outcomes: readonly Outcome[]) =>
  Math.max(...outcomes.flatMap(({ foundAfter }) => foundAfter.map((at) => at ?? Number.POSITIVE_INFINITY))) / MINUTE;

const cutOff = (minutes: number, backOverMinutes = 5) => ({
  outage: { from: START, until: START + minutes * MINUTE, backOver: backOverMinutes * MINUTE },
});
const dead = { diesAt: START };
const everyOne =
  (minutes: number, backOverMinutes?: number): Shape =>
  () =>
    cutOff(minutes, backOverMinutes);
/** From one heartbeat to the next: 20 s mostly, but 3 of 100 times more than five minutes, and up to nine and a half. */
const heavyTail = (fraction: () => number) => Math.min(570, 20 / (1 - fraction()) ** (1 / 1.3));

describe('an outage shorter than STORM_MAX_HOLD marks no living agent, at any phase of the sweep', () => {
  const slow = (seconds: number, fraction: () => number) => () => seconds * (0.97 + 0.03 * fraction());
  const families: Array<[string, Family]> = [
    ...[5.5, 6, 7, 8, 9, 9.5, 10, 11].map((minutes): [string, Family] => [
      `500 of 500 for ${minutes} minutes, back over 5`,
      { size: 500, shape: everyOne(minutes), run: { until: START + 30 * MINUTE } },
    ]),
    ['1000 of 1000 for 15 minutes, back over 5', { size: 1000, shape: everyOne(15) }],
    ['1000 of 1000 for 25 minutes', { size: 1000, shape: everyOne(25) }],
    ['1000 of 1000 for 29 minutes', { size: 1000, shape: everyOne(29) }],
    ['1000 of 1000 for 29 minutes, back at once', { size: 1000, shape: everyOne(29, 0) }],
    ['5000 of 5000 for 29 minutes', { size: 5000, shape: everyOne(29), run: { until: START + 40 * MINUTE } }],
    [
      '500 of 500 under one callee id, STORM_MIN_CALLEES 1',
      {
        size: 500,
        shape: () => ({ ...cutOff(25), callee: 'role' }),
        run: { options: { ...defaults, minCallees: 1 } },
      },
    ],
    ['20 of 20 for 15 minutes', { size: 20, shape: everyOne(15) }],
    ['60 of 60 for 15 minutes', { size: 60, shape: everyOne(15) }],
    [
      '60 of 100 for 12 minutes: 11 are heard again, then the others',
      { size: 100, shape: (i) => (i < 60 ? cutOff(12) : {}) },
    ],
    [
      'a slow cadence of 6 minutes, 1000 of 1000 for 20 minutes',
      { size: 1000, shape: (_, fraction) => ({ ...cutOff(20), gap: slow(360, fraction) }) },
    ],
    [
      'a slow cadence of 6 minutes, 60 of 60 for 20 minutes',
      { size: 60, shape: (_, fraction) => ({ ...cutOff(20), gap: slow(360, fraction) }) },
    ],
    [
      'all heartbeats on one instant, 200 of 200 for 20 minutes',
      { size: 200, shape: () => ({ ...cutOff(20, 0), place: 0 }) },
    ],
    [
      'the database away for 45 minutes: no daemon watched',
      {
        size: 1000,
        shape: everyOne(45),
        run: { until: START + 75 * MINUTE, unobserved: { from: START, until: START + 45 * MINUTE } },
      },
    ],
    [
      'STUCK_AFTER 30s, 1000 of 1000 for 15 minutes',
      {
        size: 1000,
        shape: () => ({ ...cutOff(15), gap: () => 3 }),
        run: { stuckAfterMs: 30_000, until: START + 30 * MINUTE },
      },
    ],
    [
      'STUCK_AFTER 2h, 300 of 300 for 140 minutes',
      {
        size: 300,
        shape: everyOne(140),
        run: { stuckAfterMs: 7_200_000, until: START + 180 * MINUTE },
      },
    ],
  ];
  test.each(families)('%s', (_name, family) => {
    expect(mostFalse(atAllPhases(family))).toBe(0);
  });

  test.each(families)('%s, with sweeps between the ticks when a row comes due', (_name, family) => {
    expect(mostFalse(betweenTicks(family, 'due', [0, 13, 29, 47]))).toBe(0);
  });

  test.each(families)('%s, with a sweep each second', (_name, family) => {
    expect(mostFalse(betweenTicks(family, 'each second', [0]))).toBe(0);
  });

  test('gaps with a heavy tail, 1000 of 1000 for 20 minutes: fewer than 20', () => {
    const shape: Shape = (_, fraction) => ({ ...cutOff(20), gap: () => heavyTail(fraction) });
    expect(mostFalse(atAllPhases({ size: 1000, shape }))).toBeLessThan(20);
  });
});

describe('what is not a storm is marked without delay', () => {
  /** A minute from one sweep to the next. */
  const ON_TIME = 11;
  const slow = (seconds: number, fraction: () => number) => () => seconds * (0.97 + 0.03 * fraction());
  const families: Array<[string, Family]> = [
    ['one dead of 1000', { size: 1000, shape: (i) => (i === 7 ? dead : {}) }],
    ['19 dead of 1000', { size: 1000, shape: (i) => (i < 19 ? dead : {}) }],
    ['400 dead of 1000, fewer than STORM_RATIO', { size: 1000, shape: (i) => (i % 5 < 2 ? dead : {}) }],
    ['five dead of 30', { size: 30, shape: (i) => (i < 5 ? dead : {}) }],
    ['3 of 3 dead', { size: 3, shape: () => dead }],
    ['100 delegations of one dead agent', { size: 100, shape: () => ({ ...dead, callee: 'agent' }) }],
    ...[25, 40, 60, 100, 1000].map((size): [string, Family] => [
      `one dead of ${size} that are heard every six minutes`,
      { size, shape: (i, fraction) => ({ gap: slow(360, fraction), ...(i === 7 ? dead : {}) }) },
    ]),
    [
      'one dead of 200 that are heard all on one instant',
      { size: 200, shape: (i) => ({ place: 0, ...(i === 7 ? dead : {}) }) },
    ],
    [
      'one dead of 1000 whose gaps have a heavy tail',
      { size: 1000, shape: (i, fraction) => ({ gap: () => heavyTail(fraction), ...(i === 7 ? dead : {}) }) },
    ],
  ];
  test.each(families)('%s', (_name, family) => {
    const outcomes = atAllPhases({ ...family, run: { until: START + 20 * MINUTE } });
    expect(mostFalse(outcomes)).toBe(0);
    expect(slowest(outcomes)).toBeLessThanOrEqual(ON_TIME);
  });

  /** A second from one sweep to the next, and another until the first whole one after the due instant. */
  const WITHIN_SECONDS = 2;
  test.each(families)('%s: within two seconds, with sweeps between the ticks', (_name, family) => {
    const outcomes = betweenTicks({ ...family, run: { until: START + 20 * MINUTE } }, 'due', [0, 13, 29, 47]);
    expect(mostFalse(outcomes)).toBe(0);
    expect(slowest(outcomes)).toBeLessThanOrEqual(10 + WITHIN_SECONDS / MINUTE);
  });

  test('and so are 19 of 19, and 3 of 3, that an outage has silenced: fewer than STORM_MIN_STALE', () => {
    expect(mostFalse(atAllPhases({ size: 19, shape: everyOne(20) }))).toBe(19);
    expect(mostFalse(atAllPhases({ size: 3, shape: everyOne(20) }))).toBe(3);
  });
});

describe('when part of the fleet dies, every dead agent is found within STUCK_AFTER and ten minutes, at any phase', () => {
  const families: Array<[string, Family]> = [
    ['30 of 60', { size: 60, shape: (i) => (i < 30 ? dead : {}) }],
    [
      '60 of 100, for hours',
      { size: 100, shape: (i) => (i % 5 < 3 ? dead : {}), run: { until: START + 240 * MINUTE } },
    ],
    ['600 of 1000', { size: 1000, shape: (i) => (i % 5 < 3 ? dead : {}) }],
    ['850 of 1000', { size: 1000, shape: (i) => (i % 20 < 17 ? dead : {}) }],
    [
      '600 of 1000 whose gaps have a heavy tail',
      { size: 1000, shape: (i, fraction) => ({ gap: () => heavyTail(fraction), ...(i % 5 < 3 ? dead : {}) }) },
    ],
  ];
  test.each(families)('%s', (_name, family) => {
    const outcomes = atAllPhases(family);
    expect(mostFalse(outcomes)).toBe(0);
    expect(slowest(outcomes)).toBeLessThanOrEqual(20);
    const between = betweenTicks(family, 'due', [0, 13, 29, 47]);
    expect(mostFalse(between)).toBe(0);
    expect(slowest(between)).toBeLessThanOrEqual(20);
  });

  test('at other thresholds', () => {
    const shape: Shape = (i) => ({ gap: () => 3, ...(i % 5 < 3 ? dead : {}) });
    expect(slowest(atAllPhases({ size: 100, shape, run: { stuckAfterMs: 30_000 } }))).toBeLessThanOrEqual(10.5);
    const long = { stuckAfterMs: 7_200_000, until: START + 150 * MINUTE };
    const spread: Shape = (i) => (i % 5 < 3 ? dead : {});
    expect(slowest(atAllPhases({ size: 100, shape: spread, run: long }))).toBeLessThanOrEqual(130);
  });
});

test('after STORM_MAX_HOLD each sweep marks a twentieth of the silent, and stops when they are heard again', () => {
  const outcomes = atAllPhases({ size: 1000, shape: everyOne(45), run: { until: START + 65 * MINUTE } });
  for (const { sweeps, falseMarks, released } of outcomes) {
    expect(released).toEqual(['max_hold']);
    expect(Math.max(...sweeps.map(({ marked }) => marked))).toBeLessThanOrEqual(50);
    // Some six minutes of marking by twentieths, and the minutes in which the agents return.
    expect(falseMarks).toBeLessThan(450);
  }
});
