import { describe, expect, test } from '@jest/globals';
import { type Agent, type AgentShape, agent, type Outcome, type Run, simulate } from './simulated-fleet.ts';

const MINUTE = 60;
/** When a family's event begins. */
const START = 15 * MINUTE;
const options = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };
const plain = { stuckAfterMs: 600_000, options };

/** Each is heard ten times in its threshold, and at least once a minute. */
const kinds = {
  fiveSeconds: { ownMs: 5_000, gap: () => 0.5 },
  thirtySeconds: { ownMs: 30_000, gap: () => 3 },
  tenMinutes: { ownMs: 600_000, gap: () => MINUTE },
  daemons: { gap: () => MINUTE },
  waits: { gap: () => MINUTE, wait: { from: START - 5 * MINUTE, until: START + 7 * MINUTE } },
  waitsLong: { ownMs: 30_000, gap: () => 3, wait: { from: START - 5 * MINUTE, until: START + 60 * MINUTE } },
} satisfies Record<string, Partial<AgentShape>>;

type Counts = Partial<Record<keyof typeof kinds, number>>;
type Change = (kind: keyof typeof kinds, i: number) => Partial<AgentShape>;

function fleet(counts: Counts, until: number, change: Change = () => ({})): Agent[] {
  return (Object.entries(counts) as [keyof typeof kinds, number][]).flatMap(([kind, size]) =>
    Array.from({ length: size }, (_, i) =>
      agent({ callee: `${kind}-${i}`, place: (i + 0.5) / size, until, ...kinds[kind], ...change(kind, i) }),
    ),
  );
}

const cutOff = (minutes: number, backOverMinutes: number) => () => ({
  outage: { from: START, until: START + minutes * MINUTE, backOver: backOverMinutes * MINUTE },
});

/** By ticks alone, at several phases, and with a sweep when a row comes due. */
function sweeps(agents: readonly Agent[], until: number, more: Partial<Run> = {}): Outcome[] {
  const ticks = [0, 19, 44].map((phase) => simulate({ ...plain, ...more, agents, phase, until }));
  const onTime = [23].map((phase) => simulate({ ...plain, ...more, agents, phase, until, between: 'due' }));
  return [...ticks, ...onTime];
}

const mostFalse = (outcomes: readonly Outcome[]) => Math.max(...outcomes.map(({ falseMarks }) => falseMarks));
const slowest = (outcomes: readonly Outcome[]) =>
  Math.max(...outcomes.flatMap(({ foundAfter }) => foundAfter.map((at) => at ?? Number.POSITIVE_INFINITY)));

const mixes: [string, Counts][] = [
  ['a third each of 5 s, 30 s and 10 min', { fiveSeconds: 40, thirtySeconds: 40, tenMinutes: 40 }],
  ['mostly the daemons’ threshold, a tenth own', { daemons: 200, fiveSeconds: 25, thirtySeconds: 25 }],
  ['5 s alone', { fiveSeconds: 60 }],
  ['10 min of their own alone', { tenMinutes: 60 }],
  ['a tenth waiting', { daemons: 100, fiveSeconds: 40, thirtySeconds: 40, waits: 20, waitsLong: 20 }],
  ['nearly all waiting', { waits: 60, waitsLong: 60, daemons: 25 }],
];

describe('an outage marks no living agent, whatever their thresholds', () => {
  const lengths: [number, number][] = [
    [1, 0.5],
    [5, 2],
    [12, 5],
    [24, 4],
  ];
  const cases = mixes.flatMap(([name, counts]) =>
    lengths.map(([minutes, back]): [string, number, number, Counts] => [name, minutes, back, counts]),
  );
  test.each(cases)('%s: for %d minutes, back over %d', (_, minutes, back, counts) => {
    const until = START + 45 * MINUTE;
    expect(mostFalse(sweeps(fleet(counts, until, cutOff(minutes, back)), until))).toBe(0);
  });

  test('but fewer than STORM_MIN_STALE of a threshold are marked, while nobody else is late yet', () => {
    const until = START + 10 * MINUTE;
    const agents = fleet({ fiveSeconds: 19, tenMinutes: 300 }, until, cutOff(3, 0));
    expect(mostFalse(sweeps(agents, until))).toBe(19);
  });
});

describe('a death of some is found in spite of it', () => {
  const dies =
    (few: number): Change =>
    (kind, i) =>
      kind !== 'waitsLong' && i < few ? { diesAt: START } : {};
  const until = START + 40 * MINUTE;

  test.each(mixes)('%s: three of each kind, on time', (_, counts) => {
    const agents = fleet(counts, until, dies(3));
    const outcomes = sweeps(agents, until);
    expect(mostFalse(outcomes)).toBe(0);
    // Last heard a minute before a wait of twelve, then the longest threshold, and the next tick.
    expect(slowest(outcomes)).toBeLessThanOrEqual((1 + 5 + 7 + 10 + 1) * MINUTE);
    const short = agents.filter(({ dead, ownMs }) => dead && ownMs === 5_000);
    for (const { foundAfter } of outcomes.slice(-1)) {
      const dead = agents.filter((each) => each.dead);
      for (const [i, at] of foundAfter.entries()) if (short.includes(dead[i]!)) expect(at).toBeLessThanOrEqual(8);
    }
  });

  test('all of one threshold, while the others live: within ten minutes', () => {
    const agents = fleet({ fiveSeconds: 60, tenMinutes: 200, daemons: 200 }, until, (kind) =>
      kind === 'fiveSeconds' ? { diesAt: START } : {},
    );
    const outcomes = sweeps(agents, until);
    expect(mostFalse(outcomes)).toBe(0);
    expect(slowest(outcomes)).toBeLessThanOrEqual(10 * MINUTE);
  });

  test('half of a fleet whose rows all have a threshold of their own', () => {
    const agents = fleet({ fiveSeconds: 100, thirtySeconds: 100 }, until, (_, i) => (i < 60 ? { diesAt: START } : {}));
    const outcomes = sweeps(agents, until);
    expect(mostFalse(outcomes)).toBe(0);
    expect(slowest(outcomes)).toBeLessThanOrEqual(10 * MINUTE);
  });
});
