import {
  type Answer,
  brought,
  type Case,
  insert,
  type Step,
  setStatus,
  silent,
  threshold,
  type Value,
} from '../case.ts';

export function heartbeat(delegationId: string, answers: Answer, more: Readonly<Record<string, Value>> = {}): Step {
  return { call: 'heartbeat', with: { delegationId, ...more }, answers };
}

const heardJustNow = `last_heartbeat > clock_timestamp() - interval '30 seconds' AND last_heartbeat <= clock_timestamp()`;

export const heartbeatCases: readonly Case[] = [
  {
    title: 'a heartbeat is stamped, then fresh within the interval, and stamped again after it',
    steps: [
      ...brought('a', 'in_progress'),
      heartbeat('a', { outcome: 'fresh', status: 'in_progress' }),
      silent('a', 60),
      heartbeat('a', { outcome: 'stamped', status: 'in_progress' }),
      heartbeat('a', { outcome: 'fresh' }),
      silent('a', 60),
      heartbeat('a', { outcome: 'fresh' }, { minIntervalMs: 3_600_000 }),
      heartbeat('a', { outcome: 'stamped' }, { minIntervalMs: 30_000 }),
    ],
    rows: { a: { is: { status: 'in_progress' }, holds: [heardJustNow] } },
    activity: { a: [{ event: 'delegation.queued' }, { event: 'delegation.in_progress' }] },
  },
  {
    title: 'a queued or dispatched delegation is heard as well',
    steps: [
      insert('a'),
      heartbeat('a', { outcome: 'stamped', status: 'queued' }),
      ...brought('b', 'dispatched'),
      heartbeat('b', { outcome: 'stamped', status: 'dispatched' }),
    ],
    rows: { a: { is: { status: 'queued' }, holds: [heardJustNow] }, b: { holds: [heardJustNow] } },
  },
  {
    title: 'a heartbeat of a delegation that has ended is terminal, and writes nothing',
    steps: [
      ...brought('a', 'completed'),
      ...brought('b', 'stuck'),
      silent('a', 60),
      silent('b', 60),
      heartbeat('a', { outcome: 'terminal', status: 'completed' }),
      heartbeat('b', { outcome: 'terminal', status: 'stuck' }, { progress: 'still there' }),
    ],
    rows: { a: { holds: [`NOT (${heardJustNow})`] }, b: { is: { progress: null }, holds: [`NOT (${heardJustNow})`] } },
  },
  {
    title: 'a heartbeat of an unknown delegation is missing, and nothing is recorded',
    steps: [
      heartbeat('nobody', { outcome: 'missing' }),
      heartbeat('nobody', { outcome: 'missing' }, { progress: 'x' }),
    ],
    rows: { nobody: null },
    activity: { nobody: [] },
  },
  {
    title: "the answer carries the daemons' threshold, or the delegation's own",
    steps: [
      threshold(120_000),
      ...brought('a', 'in_progress'),
      ...brought('b', 'in_progress', { stuckAfterMs: 300_000 }),
      heartbeat('a', { status: 'in_progress', stuckAfterMs: 120_000 }),
      heartbeat('b', { status: 'in_progress', stuckAfterMs: 300_000 }),
    ],
  },
  {
    title: 'whatever the interval, ten heartbeats fit into the threshold',
    steps: [
      threshold(60_000),
      ...brought('a', 'in_progress'),
      ...brought('b', 'in_progress', { stuckAfterMs: 20_000 }),
      silent('a', 7),
      silent('b', 3),
      heartbeat('a', { outcome: 'stamped' }, { minIntervalMs: 3_600_000 }),
      heartbeat('b', { outcome: 'stamped' }, { minIntervalMs: 3_600_000 }),
    ],
    rows: { a: { holds: [`last_heartbeat > clock_timestamp() - interval '5 seconds'`] } },
  },
  {
    title: 'progress is always written, with its instant, also when the heartbeat would be fresh',
    steps: [
      ...brought('a', 'in_progress'),
      heartbeat('a', { outcome: 'stamped' }, { progress: 'page 1 of 3' }),
      heartbeat('a', { outcome: 'stamped' }, { progress: `it's "2" of 3 \\ 🙂` }),
      heartbeat('a', { outcome: 'fresh' }),
    ],
    rows: {
      a: {
        is: { progress: `it's "2" of 3 \\ 🙂` },
        holds: [heardJustNow, 'progress_at > created_at AND progress_at <= clock_timestamp()'],
      },
    },
  },
  {
    title: 'a heartbeat without progress leaves the last progress unchanged',
    steps: [
      ...brought('a', 'in_progress'),
      heartbeat('a', { outcome: 'stamped' }, { progress: 'page 1' }),
      { sql: `UPDATE delegations SET progress_at = '2024-01-01T00:00:00Z'` },
      silent('a', 60),
      heartbeat('a', { outcome: 'stamped' }),
      heartbeat('a', { outcome: 'fresh' }, { progress: null }),
    ],
    rows: { a: { is: { progress: 'page 1' }, holds: [`progress_at = '2024-01-01T00:00:00Z'`] } },
  },
  {
    title: 'bad arguments of a heartbeat are named, and nothing is written',
    steps: [
      ...brought('a', 'in_progress'),
      silent('a', 60),
      heartbeat('', { refusedArgument: 'delegationId' }),
      heartbeat('x'.repeat(201), { refusedArgument: 'delegationId' }),
      heartbeat('a', { refusedArgument: 'progress' }, { progress: '' }),
      heartbeat('a', { refusedArgument: 'progress' }, { progress: 'x'.repeat(201) }),
    ],
    rows: { a: { is: { progress: null }, holds: [`NOT (${heardJustNow})`] } },
  },
  {
    title: 'a stamp never goes back, except one from the future, which is set to the clock',
    steps: [
      ...brought('a', 'in_progress'),
      { sql: `UPDATE delegations SET last_heartbeat = statement_timestamp() + interval '1 hour'` },
      setStatus('a', 'completed', { outcome: 'changed' }),
    ],
    rows: { a: { holds: ['last_heartbeat <= clock_timestamp()'] } },
  },
];
