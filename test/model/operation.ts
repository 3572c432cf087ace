import fc from 'fast-check';
import type { Status } from '../../src/ledger/transitions.ts';

/**
 * Time in the model: whole ticks. Thresholds and deadlines lie half a tick off, and the end of a wait a little, so that no
 * answer depends on a moment: a deadline that waits have moved still lies between two ticks.
 */
export type Tick = number;

/** Ids are few, so that operations meet. A retry is called as what it tries again, with a plus. */
export type Id = `d${string}`;

export interface Insert {
  readonly op: 'insert';
  readonly id: Id;
  readonly caller: string;
  readonly callee: string;
  readonly key: string | null;
  /** Half a tick later the delegation is overdue. */
  readonly deadlineTicks: Tick;
  /** Its own threshold, and the time without progress that it is allowed: half a tick more. Null: none. */
  readonly ownTicks: Tick | null;
  readonly stalledTicks: Tick | null;
}
export interface Heartbeat {
  readonly op: 'heartbeat';
  readonly id: Id;
  /** What the agent says about its progress; null: nothing. */
  readonly progress: string | null;
}
export interface HeartbeatMany {
  readonly op: 'heartbeatMany';
  readonly ids: readonly Id[];
}
export interface SetStatus {
  readonly op: 'setStatus';
  readonly id: Id;
  readonly to: Status;
  /** The payload; few different texts, so that repetitions occur. Null: none. */
  readonly text: string | null;
  readonly body: { readonly answer: number } | null;
}
export interface Wait {
  readonly op: 'wait';
  readonly id: Id;
  /** From now on; a little more. */
  readonly ticks: Tick;
  readonly reason: string;
}
export interface Resume {
  readonly op: 'resume';
  readonly id: Id;
}
/** Half a tick more each; null takes a limit away, undefined leaves it. */
export interface Adjust {
  readonly op: 'adjust';
  readonly id: Id;
  readonly deadlineTicks?: Tick;
  readonly ownTicks?: Tick | null;
  readonly stalledTicks?: Tick | null;
}
export interface Retry {
  readonly op: 'retry';
  readonly id: Id;
}
/** A client that knows nothing of this library: a plain UPDATE of the status, without an activity. */
export interface Foreign {
  readonly op: 'foreign';
  readonly id: Id;
  readonly to: Status;
}
export interface Sweep {
  readonly op: 'sweep';
  readonly force: boolean;
}
/** An operator holds the rules that infer silence, for half a tick more than this. */
export interface Hold {
  readonly op: 'hold';
  readonly ticks: Tick;
}
export interface Release {
  readonly op: 'release';
}
/** A daemon's beat reaches the database. */
export interface Beat {
  readonly op: 'beat';
}
/** All daemons end and start again, with another STUCK_AFTER: half a tick more than this. */
export interface Restart {
  readonly op: 'restart';
  readonly ticks: Tick;
}
/** Time passes; observed: with a daemon's beats all the time. */
export interface Advance {
  readonly op: 'advance';
  readonly ticks: Tick;
  readonly observed: boolean;
}

/** What sessions may do at the same time. */
export type Concurrent =
  | Insert
  | Heartbeat
  | HeartbeatMany
  | SetStatus
  | Wait
  | Resume
  | Adjust
  | Retry
  | Foreign
  | Sweep
  | Hold
  | Release
  | Beat;
/** What nothing else happens beside. */
export type Lone = Advance | Restart;
export type Operation = Concurrent | Lone;

/** One session's share of a group: its operations, in order. `hold`: in a transaction that stays open for a moment. */
export interface Turn {
  readonly operation: Concurrent;
  readonly hold: 'no' | 'commit' | 'rollback';
}

export type Step =
  | { readonly step: 'alone'; readonly session: number; readonly operation: Operation }
  /** `picks` decides which session's next statement runs first, where statements are interleaved one by one. */
  | { readonly step: 'together'; readonly sessions: readonly (readonly Turn[])[]; readonly picks: readonly number[] };

export interface Scenario {
  /** The initial state of each id; null: it does not exist. */
  readonly start: readonly (Status | null)[];
  /** How many agents share them. */
  readonly callees: number;
  readonly firstSilence: Tick;
  /** Thresholds of their own, half a tick more; null, and by default: none. */
  readonly ownTicks?: readonly (Tick | null)[];
  readonly steps: readonly Step[];
}

export const SESSIONS = 3;
const ids = ['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6'] as const satisfies Id[];

const id = fc.constantFrom<Id>(...ids);
/** What was tried again works on, too. */
const anyId = fc.oneof({ weight: 4, arbitrary: id }, { weight: 1, arbitrary: fc.constantFrom<Id>('d0+', 'd1+') });
const status = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Status>('in_progress', 'completed') },
  { weight: 2, arbitrary: fc.constantFrom<Status>('queued', 'dispatched', 'failed', 'stuck') },
);

/** Long and short of one another and of the daemons' threshold. No debounce reaches a tenth of them. */
const ownTicks = fc.constantFrom<Tick>(6, 20);
const stalledTicks = fc.constantFrom<Tick>(4, 14);

/** `plain`: without limits of their own. */
const insertOf = (limits: 'plain' | 'any'): fc.Arbitrary<Insert> =>
  fc.record({
    op: fc.constant('insert'),
    id,
    caller: fc.constantFrom('caller-0', 'caller-1'),
    callee: fc.constantFrom('callee-0', 'callee-1', 'callee-2'),
    key: fc.constantFrom(null, 'key-0', 'key-1', 'key-2'),
    deadlineTicks: fc.integer({ min: 0, max: 40 }),
    ownTicks: limits === 'plain' ? fc.constant(null) : fc.option(ownTicks),
    stalledTicks: limits === 'plain' ? fc.constant(null) : fc.option(stalledTicks),
  });
const heartbeat: fc.Arbitrary<Heartbeat> = fc.record({
  op: fc.constant('heartbeat'),
  id,
  progress: fc.constantFrom(null, null, 'half', 'almost'),
});
const heartbeatMany: fc.Arbitrary<HeartbeatMany> = fc.record({
  op: fc.constant('heartbeatMany'),
  ids: fc.array(id, { minLength: 1, maxLength: 5 }),
});
const setStatus: fc.Arbitrary<SetStatus> = fc
  .record({
    op: fc.constant('setStatus' as const),
    id,
    to: status,
    text: fc.constantFrom(null, 'text-0', 'text-1'),
    body: fc.constantFrom(null, { answer: 0 }, { answer: 1 }),
  })
  .map((operation) =>
    ['completed', 'failed', 'stuck'].includes(operation.to) ? operation : { ...operation, text: null },
  );
const wait: fc.Arbitrary<Wait> = fc.record({
  op: fc.constant('wait'),
  id,
  ticks: fc.integer({ min: 1, max: 30 }),
  reason: fc.constantFrom('a person', 'another delegation'),
});
const resume: fc.Arbitrary<Resume> = fc.record({ op: fc.constant('resume'), id });
const adjust: fc.Arbitrary<Adjust> = fc.oneof(
  fc.record({ op: fc.constant('adjust' as const), id, deadlineTicks: fc.integer({ min: 0, max: 40 }) }),
  fc.record({ op: fc.constant('adjust' as const), id, ownTicks: fc.option(ownTicks) }),
  fc.record({ op: fc.constant('adjust' as const), id, ownTicks: fc.option(ownTicks) }),
  fc.record({ op: fc.constant('adjust' as const), id, stalledTicks: fc.option(stalledTicks) }),
);
const retry: fc.Arbitrary<Retry> = fc.record({ op: fc.constant('retry'), id });
/** Of one operation at a time: what they name is there, or is not. */
const onRetries = fc.oneof<{ arbitrary: fc.Arbitrary<Concurrent>; weight: number }[]>(
  { weight: 4, arbitrary: fc.tuple(setStatus, anyId).map(([operation, named]) => ({ ...operation, id: named })) },
  { weight: 1, arbitrary: fc.tuple(heartbeat, anyId).map(([operation, named]) => ({ ...operation, id: named })) },
  { weight: 1, arbitrary: fc.tuple(retry, anyId).map(([operation, named]) => ({ ...operation, id: named })) },
);
const foreign: fc.Arbitrary<Foreign> = fc.record({ op: fc.constant('foreign'), id, to: status });
const sweep: fc.Arbitrary<Sweep> = fc.record({ op: fc.constant('sweep'), force: fc.constantFrom(false, false, true) });
const hold: fc.Arbitrary<Hold> = fc.record({ op: fc.constant('hold'), ticks: fc.integer({ min: 1, max: 12 }) });
const release: fc.Arbitrary<Release> = fc.record({ op: fc.constant('release') });
const beat: fc.Arbitrary<Beat> = fc.record({ op: fc.constant('beat') });
const advance: fc.Arbitrary<Advance> = fc.record({
  op: fc.constant('advance'),
  ticks: fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 1, max: 12 }) },
    { weight: 1, arbitrary: fc.constant(800) }, // beyond the thirty days after which a gap is deleted
  ),
  observed: fc.constantFrom(true, true, false),
});

/** Shorter and longer than before, and than delegations' own. */
const restart: fc.Arbitrary<Restart> = fc.record({
  op: fc.constant('restart'),
  ticks: fc.constantFrom(10, 8, 16),
});
const lone = {
  plain: advance,
  any: fc.oneof<{ arbitrary: fc.Arbitrary<Lone>; weight: number }[]>(
    { weight: 6, arbitrary: advance },
    { weight: 1, arbitrary: restart },
  ),
};

const plainly = [
  { weight: 3, arbitrary: insertOf('plain') },
  { weight: 4, arbitrary: heartbeat },
  { weight: 2, arbitrary: heartbeatMany },
  { weight: 5, arbitrary: setStatus },
  { weight: 5, arbitrary: sweep },
  { weight: 1, arbitrary: beat },
  { weight: 1, arbitrary: foreign },
  { weight: 1, arbitrary: hold },
  { weight: 1, arbitrary: release },
] as const;
const concurrently = {
  /** No delegation waits or has limits of its own. */
  plain: fc.oneof<{ arbitrary: fc.Arbitrary<Concurrent>; weight: number }[]>(...plainly),
  any: fc.oneof<{ arbitrary: fc.Arbitrary<Concurrent>; weight: number }[]>(
    ...plainly.slice(1),
    { weight: 3, arbitrary: insertOf('any') },
    { weight: 3, arbitrary: wait },
    { weight: 2, arbitrary: resume },
    { weight: 4, arbitrary: adjust },
    { weight: 3, arbitrary: retry },
  ),
};
const alsoOnRetries = {
  plain: concurrently.plain,
  any: fc.oneof({ weight: 5, arbitrary: concurrently.any }, { weight: 1, arbitrary: onRetries }),
};

const alone = (what: keyof typeof concurrently): fc.Arbitrary<Step> =>
  fc.record({
    step: fc.constant('alone'),
    session: fc.nat(SESSIONS - 1),
    operation: fc.oneof({ weight: 3, arbitrary: alsoOnRetries[what] }, { weight: 1, arbitrary: lone[what] }),
  });

const passing: fc.Arbitrary<Step> = fc.record({
  step: fc.constant('alone'),
  session: fc.constant(0),
  operation: lone.any,
});

function together(hold: fc.Arbitrary<Turn['hold']>): fc.Arbitrary<Step> {
  return fc.record({
    step: fc.constant('together'),
    sessions: fc.array(
      fc.array(fc.record({ operation: concurrently.any, hold }), { minLength: 1, maxLength: 3, size: 'max' }),
      {
        minLength: 2,
        maxLength: SESSIONS,
        size: 'max',
      },
    ),
    picks: fc.array(fc.nat(5), { minLength: 30, maxLength: 30 }),
  });
}

function scenario(step: fc.Arbitrary<Step>, stepsMax: number): fc.Arbitrary<Scenario> {
  return fc.record({
    start: fc.array(
      fc.constantFrom<Status | null>(null, 'queued', 'dispatched', 'in_progress', 'in_progress', 'in_progress'),
      {
        minLength: ids.length,
        maxLength: ids.length,
      },
    ),
    callees: fc.integer({ min: 1, max: 3 }),
    firstSilence: fc.constantFrom(0, 1, 11, 12),
    steps: fc.array(step, { minLength: 1, maxLength: stepsMax, size: 'max' }),
  });
}

/** Of thresholds of their own two that are much the same, and one that is much longer. */
const mixedTicks = fc.constantFrom<Tick | null>(null, null, 6, 6, 7, 20);

/** One operation after the other. */
export const sequential = scenario(alone('any'), 30);
export const plainSequential = scenario(alone('plain'), 30);
/** As that, with thresholds of their own. */
export const ownSequential: fc.Arbitrary<Scenario> = fc
  .record({
    plain: plainSequential,
    firstSilence: fc.constantFrom(0, 1, 7, 8, 11, 12),
    ownTicks: fc.array(mixedTicks, { minLength: ids.length, maxLength: ids.length }),
  })
  .map(({ plain, ...own }) => ({ ...plain, ...own }));
/** Groups of sessions, none of which may wait for a lock: their statements are interleaved one by one. */
export const interleaved = scenario(
  fc.oneof({ weight: 2, arbitrary: together(fc.constant('no')) }, { weight: 1, arbitrary: passing }),
  6,
);
/** Groups of sessions at once, some in transactions that hold their locks. */
export const simultaneous = scenario(
  fc.oneof(
    { weight: 2, arbitrary: together(fc.constantFrom<Turn['hold']>('no', 'no', 'commit', 'rollback')) },
    { weight: 1, arbitrary: passing },
  ),
  6,
);
