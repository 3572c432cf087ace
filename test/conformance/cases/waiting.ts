import {
  type Answer,
  brought,
  type Case,
  DAY_MS,
  fromNow,
  HOUR_MS,
  insert,
  MINUTE_MS,
  type Step,
  setStatus,
  silent,
  type Value,
} from '../case.ts';
import { heartbeat } from './heartbeat.ts';

function wait(delegationId: string, more: Readonly<Record<string, Value>>, answers: Answer): Step {
  return { call: 'wait', with: { delegationId, reason: 'a person', ...more }, answers };
}

function resume(delegationId: string, answers: Answer, more: Readonly<Record<string, Value>> = {}): Step {
  return { call: 'resume', with: { delegationId, ...more }, answers };
}

/** SQL: the deadline is so long after the insert, but for the seconds that the statements took. */
const deadlineAfter = (ms: number, whole = '') =>
  `abs(extract(epoch FROM deadline - created_at) * 1000 - ${ms}${whole}) < 30000`;
/** The same, and as long as the wait is. */
const deadlineAfterWait = (ms: number) =>
  deadlineAfter(ms, ' - extract(epoch FROM waiting_until - waiting_since) * 1000');
const waitsNot = {
  waiting_since: null,
  waiting_until: null,
  waiting_reason: null,
};

const inTwoHours = fromNow(2 * HOUR_MS);
const inThreeHours = fromNow(3 * HOUR_MS);
const inFourHours = fromNow(4 * HOUR_MS);
const begun = [{ event: 'delegation.queued' }, { event: 'delegation.in_progress' }];

const refused = (argument: string, more: Readonly<Record<string, Value>>): Step =>
  wait('a', more, { refusedArgument: argument });

export const waitingCases: readonly Case[] = [
  {
    title: 'a wait moves the deadline by its length',
    steps: [
      ...brought('a', 'in_progress', { deadlineMs: HOUR_MS }),
      wait(
        'a',
        { until: inTwoHours, reason: `Ann's "yes"`, actor: 'agent' },
        { outcome: 'waiting', status: 'in_progress', waitingUntil: inTwoHours.instant },
      ),
    ],
    rows: {
      a: {
        is: { status: 'in_progress', waiting_reason: `Ann's "yes"` },
        holds: [
          `waiting_until = '${inTwoHours.instant}'`,
          `waiting_since BETWEEN created_at AND clock_timestamp()`,
          deadlineAfterWait(HOUR_MS),
        ],
      },
    },
    activity: { a: [...begun, { event: 'delegation.waiting', to_status: null, actor: 'agent' }] },
  },
  {
    title: 'a wait may be given as a duration',
    steps: [
      ...brought('a', 'in_progress', { deadlineMs: HOUR_MS }),
      wait('a', { untilMs: 30 * MINUTE_MS }, { outcome: 'waiting', status: 'in_progress' }),
    ],
    rows: {
      a: {
        holds: [
          `waiting_until = waiting_since + interval '30 minutes'`,
          deadlineAfter(90 * MINUTE_MS),
          deadlineAfterWait(HOUR_MS),
        ],
      },
    },
  },
  {
    title: 'a delegation in any open status may wait, one that has ended may not',
    steps: [
      insert('queued'),
      ...brought('dispatched', 'dispatched'),
      ...brought('failed', 'failed'),
      wait('queued', { until: inTwoHours }, { outcome: 'waiting', status: 'queued' }),
      wait('dispatched', { until: inTwoHours }, { outcome: 'waiting', status: 'dispatched' }),
      wait('failed', { until: inTwoHours }, { outcome: 'refused', status: 'failed', waitingUntil: null }),
      wait('nobody', { until: inTwoHours }, { outcome: 'missing' }),
    ],
    rows: { queued: { holds: ['waiting_until IS NOT NULL'] }, failed: { is: waitsNot }, nobody: null },
    activity: { failed: [{ event: 'delegation.queued' }, { event: 'delegation.failed' }], nobody: [] },
  },
  {
    title: 'the same wait again changes nothing',
    steps: [
      ...brought('a', 'in_progress', { deadlineMs: HOUR_MS }),
      wait('a', { until: inTwoHours }, { outcome: 'waiting' }),
      wait(
        'a',
        { until: inTwoHours },
        { outcome: 'unchanged', status: 'in_progress', waitingUntil: inTwoHours.instant },
      ),
    ],
    rows: { a: { holds: [deadlineAfterWait(HOUR_MS)] } },
    activity: { a: [...begun, { event: 'delegation.waiting' }] },
  },
  {
    title: 'another wait during a wait moves the deadline only by the difference',
    steps: [
      ...brought('a', 'in_progress', { deadlineMs: HOUR_MS }),
      wait('a', { until: inTwoHours }, { outcome: 'waiting' }),
      wait('a', { until: inFourHours, reason: 'another' }, { outcome: 'waiting', waitingUntil: inFourHours.instant }),
      wait('a', { until: inThreeHours, reason: 'another' }, { outcome: 'waiting', waitingUntil: inThreeHours.instant }),
    ],
    rows: {
      a: {
        is: { waiting_reason: 'another' },
        holds: [`waiting_until = '${inThreeHours.instant}'`, deadlineAfterWait(HOUR_MS)],
      },
    },
    activity: {
      a: [...begun, { event: 'delegation.waiting' }, { event: 'delegation.waiting' }, { event: 'delegation.waiting' }],
    },
  },
  {
    title: 'resume gives back what was not waited, and is a sign of life',
    steps: [
      ...brought('a', 'in_progress', { deadlineMs: HOUR_MS }),
      wait('a', { until: inTwoHours }, { outcome: 'waiting' }),
      silent('a', 300),
      resume('a', { outcome: 'resumed', status: 'in_progress' }, { actor: 'agent' }),
      resume('a', { outcome: 'unchanged', status: 'in_progress' }),
    ],
    rows: {
      a: {
        is: { status: 'in_progress', ...waitsNot },
        holds: [deadlineAfter(HOUR_MS), `last_heartbeat > clock_timestamp() - interval '30 seconds'`],
      },
    },
    activity: {
      a: [...begun, { event: 'delegation.waiting' }, { event: 'delegation.resumed', to_status: null, actor: 'agent' }],
    },
  },
  {
    title: 'a delegation that does not wait, has ended or is unknown is not resumed',
    steps: [
      ...brought('open', 'in_progress'),
      ...brought('over', 'completed'),
      resume('open', { outcome: 'unchanged', status: 'in_progress' }),
      resume('over', { outcome: 'refused', status: 'completed' }),
      resume('nobody', { outcome: 'missing' }),
      resume('', { refusedArgument: 'delegationId' }),
      resume('open', { refusedArgument: 'actor' }, { actor: '' }),
    ],
    activity: { open: begun, over: [...begun, { event: 'delegation.completed' }], nobody: [] },
  },
  {
    title: 'a heartbeat does not end a wait',
    steps: [
      ...brought('a', 'in_progress'),
      wait('a', { until: inTwoHours }, { outcome: 'waiting' }),
      silent('a', 60),
      heartbeat('a', { outcome: 'stamped', status: 'in_progress' }, { progress: 'still asking' }),
    ],
    rows: { a: { is: { waiting_reason: 'a person' }, holds: [`waiting_until = '${inTwoHours.instant}'`] } },
    activity: { a: [...begun, { event: 'delegation.waiting' }] },
  },
  {
    title: 'a change of status ends a wait and gives back what was not waited; the same status again does not',
    steps: [
      insert('moved', { deadlineMs: HOUR_MS }),
      wait('moved', { until: inTwoHours }, { outcome: 'waiting' }),
      setStatus('moved', 'in_progress', { outcome: 'changed', from: 'queued' }),
      ...brought('over', 'in_progress', { deadlineMs: HOUR_MS }),
      wait('over', { until: inTwoHours }, { outcome: 'waiting' }),
      setStatus('over', 'completed', { outcome: 'changed', from: 'in_progress' }),
      ...brought('same', 'in_progress', { deadlineMs: HOUR_MS }),
      wait('same', { until: inTwoHours }, { outcome: 'waiting' }),
      setStatus('same', 'in_progress', { outcome: 'unchanged' }),
    ],
    rows: {
      moved: { is: { status: 'in_progress', ...waitsNot }, holds: [deadlineAfter(HOUR_MS)] },
      over: { is: { status: 'completed', ...waitsNot }, holds: [deadlineAfter(HOUR_MS)] },
      same: { is: { waiting_reason: 'a person' }, holds: [deadlineAfterWait(HOUR_MS)] },
    },
  },
  {
    title: 'a wait of thirty days is the longest',
    steps: [
      ...brought('a', 'in_progress'),
      wait('a', { untilMs: 30 * DAY_MS }, { outcome: 'waiting' }),
      ...brought('b', 'in_progress'),
      wait('b', { untilMs: 1 }, { outcome: 'waiting' }),
    ],
    rows: { a: { holds: [`waiting_until = waiting_since + interval '720 hours'`] } },
  },
  {
    title: 'bad arguments of a wait are named, and nothing is written',
    steps: [
      ...brought('a', 'in_progress', { deadlineMs: HOUR_MS }),
      wait('', { until: inTwoHours }, { refusedArgument: 'delegationId' }),
      refused('untilMs', { untilMs: 0 }),
      refused('untilMs', { untilMs: -1 }),
      refused('untilMs', { untilMs: 30 * DAY_MS + 1 }),
      refused('untilMs', { untilMs: MINUTE_MS, until: inTwoHours }),
      refused('until', { until: fromNow(-MINUTE_MS) }),
      refused('until', { until: fromNow(31 * DAY_MS) }),
      refused('until', {}),
      refused('reason', { until: inTwoHours, reason: '' }),
      refused('reason', { until: inTwoHours, reason: 'x'.repeat(201) }),
      refused('reason', { until: inTwoHours, reason: null }),
      refused('actor', { until: inTwoHours, actor: '' }),
    ],
    rows: { a: { is: waitsNot, holds: [deadlineAfter(HOUR_MS)] } },
    activity: { a: begun },
  },
];
