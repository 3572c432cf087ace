import { adviceOf } from '../../src/sweeper/advice/advice.ts';
import { add, type Histogram } from '../../src/sweeper/advice/buckets.ts';
import { type Run, simulate } from '../../test/sweeper/storm/simulated-fleet.ts';
import { type FleetAgent, fleetOf, type Kind, RUN_SECONDS } from './fleet.ts';
import { AkkaPhi, CassandraPhi, type PhiAccrual } from './phi-accrual.ts';

/** What a detector did with a fleet. */
export interface Detection {
  /** Agents that went on working. */
  readonly falseMarks: number;
  /** Seconds from each death to its mark; infinite: not in this run. */
  readonly detectedAfter: readonly number[];
}

export interface Detector {
  readonly name: string;
  /** In the picture, which has room for a few. */
  readonly isShown?: boolean;
  detect(kind: Kind, agents: readonly FleetAgent[]): Detection;
}

interface Options {
  readonly observedTime: boolean;
  readonly stormGuard: boolean;
}

const STORM = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };
/** Heartbeats come so often, in seconds, as an operator who sets a detector for intervals knows it. */
const CADENCE = 20;
const both: Options = { observedTime: true, stormGuard: true };

/** The product's own horizon, ages and storm verdict, in a sweep whenever an agent comes due. */
function swept(kind: Kind, agents: readonly FleetAgent[], thresholdSeconds: number, options: Options): Detection {
  const outage = kind.unobserved ? kind.outages?.[0] : undefined;
  const run: Run = {
    agents,
    options: { ...STORM, ratio: options.stormGuard ? STORM.ratio : 0 },
    stuckAfterMs: thresholdSeconds * 1000,
    phase: 60,
    between: 'due',
    until: RUN_SECONDS,
    ...(outage && { unobserved: { ...outage, isSilence: !options.observedTime } }),
  };
  const { marks } = simulate(run);
  const verdicts = agents.map((of) => ({ ...of, markedAt: marks.get(of) ?? Number.POSITIVE_INFINITY }));
  return {
    falseMarks: verdicts.filter(({ diedAt, markedAt }) => markedAt < (diedAt ?? Number.POSITIVE_INFINITY)).length,
    detectedAfter: verdicts.flatMap(({ diedAt, markedAt }) =>
      diedAt !== null && markedAt >= diedAt ? [markedAt - diedAt] : [],
    ),
  };
}

function fixed(seconds: number, options: Options): Detector {
  const { observedTime, stormGuard } = options;
  const with_ = [observedTime && 'observed time', stormGuard && 'storm guard'].filter(Boolean).join(' and ');
  const length = seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
  return {
    name: `${length}${with_ && `, ${with_}`}`,
    isShown: seconds === 120 && observedTime === stormGuard,
    detect: (kind, agents) => swept(kind, agents, seconds, options),
  };
}

/** As many delegations as make the advice certain, of the everyday: with pauses and without outages. */
const TRAINING = 6_000;

export function advisedSeconds({ outages: _, ...everyday }: Kind): number {
  const [gaps, longest]: [Histogram, Histogram] = [new Map(), new Map()];
  for (const { heard } of fleetOf(everyday, TRAINING, 1, 4711)) {
    const between = heard.slice(1).map((at, i) => (at - heard[i]!) * 1000);
    for (const ms of between) add(gaps, ms);
    add(longest, Math.max(...between));
  }
  const detected: Histogram = new Map();
  const evidence = { calleeId: null, started: TRAINING, gaps, longest, detected, own: null, falselyMarkedMs: [] };
  return adviceOf(evidence, 600_000).threshold!.ms / 1000;
}

const advised: Detector = {
  name: 'as advised, observed time and storm guard',
  isShown: true,
  detect: (kind, agents) => swept(kind, agents, advisedSeconds(kind), both),
};

/** Each agent by itself. While its daemon is away it suspects nobody, and sees what was due when it returns. */
function accrual(make: (cadence: number) => PhiAccrual): Detector {
  return {
    name: make(CADENCE).name,
    isShown: true,
    detect: (kind, agents) => {
      const away = kind.unobserved ? kind.outages?.[0] : undefined;
      const judgedFrom = away === undefined ? 0 : away.until + make(CADENCE).graceSeconds;
      const judgedAt = (dueAt: number) => (away && away.from <= dueAt && dueAt < judgedFrom ? judgedFrom : dueAt);
      let falseMarks = 0;
      const detectedAfter: number[] = [];
      for (const { heard, diedAt } of agents) {
        const detector = make(CADENCE);
        let isMarked = false;
        for (const [i, at] of heard.slice(1).entries()) {
          const gap = at - heard[i]!;
          if (judgedAt(heard[i]! + detector.suspectsAfter()) < at) isMarked = true;
          detector.heard(gap);
        }
        const markedAt = judgedAt(heard.at(-1)! + detector.suspectsAfter());
        if (isMarked || (diedAt !== null && markedAt < diedAt)) falseMarks += 1;
        else if (diedAt !== null) detectedAfter.push(markedAt - diedAt);
      }
      return { falseMarks, detectedAfter };
    },
  };
}

const choices: readonly Options[] = [
  { observedTime: false, stormGuard: false },
  { observedTime: true, stormGuard: false },
  { observedTime: false, stormGuard: true },
  both,
];

export const detectors: readonly Detector[] = [
  ...[120, 300, 600].flatMap((seconds) => choices.map((options) => fixed(seconds, options))),
  advised,
  accrual((cadence) => new AkkaPhi(cadence)),
  accrual((cadence) => new CassandraPhi(cadence)),
];
