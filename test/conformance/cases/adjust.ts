import { type Answer, brought, type Case, fromNow, HOUR_MS, insert, type Step, type Value } from '../case.ts';

function adjust(delegationId: string, more: Readonly<Record<string, Value>>, answers: Answer): Step {
  return { call: 'adjust', with: { delegationId, ...more }, answers };
}

const refused = (argument: string, more: Readonly<Record<string, Value>>): Step =>
  adjust('a', more, { refusedArgument: argument });

const later = fromNow(12 * HOUR_MS);
const begun = [{ event: 'delegation.queued' }, { event: 'delegation.in_progress' }];
const adjusted = { event: 'delegation.adjusted', to_status: null };

export const adjustCases: readonly Case[] = [
  {
    title: 'a deadline moves later, as an instant or as a duration from now, and is recorded with its actor',
    steps: [
      ...brought('a', 'in_progress', { deadlineMs: HOUR_MS }),
      adjust('a', { deadlineMs: 2 * HOUR_MS }, { outcome: 'adjusted' }),
      adjust('a', { deadline: later, actor: 'agent' }, { outcome: 'adjusted' }),
      adjust('a', { deadline: later }, { outcome: 'unchanged' }),
    ],
    rows: { a: { is: { status: 'in_progress' }, holds: [`deadline = '${later.instant}'`] } },
    activity: { a: [...begun, { ...adjusted, actor: 'ledger' }, { ...adjusted, actor: 'agent' }] },
  },
  {
    title: 'a deadline never moves earlier',
    steps: [
      ...brought('a', 'in_progress', { deadline: later }),
      adjust('a', { deadlineMs: HOUR_MS }, { outcome: 'refused' }),
      adjust('a', { deadlineMs: HOUR_MS, stuckAfterMs: 5_000 }, { outcome: 'refused' }),
    ],
    rows: { a: { is: { stuck_after_ms: null }, holds: [`deadline = '${later.instant}'`] } },
    activity: { a: begun },
  },
  {
    title: 'thresholds are set, changed and left unchanged; a lower one does not count before the agent was heard',
    steps: [
      ...brought('a', 'in_progress'),
      adjust('a', { stuckAfterMs: 60_000, stalledAfterMs: 120_000 }, { outcome: 'adjusted' }),
      adjust('a', { stuckAfterMs: 60_000 }, { outcome: 'unchanged' }),
      adjust('a', { stuckAfterMs: 5_000 }, { outcome: 'adjusted' }),
      insert('b', { stuckAfterMs: 5_000, stalledAfterMs: 60_000 }),
      adjust('b', { stalledAfterMs: 30_000 }, { outcome: 'adjusted' }),
    ],
    rows: {
      a: { holds: ['stuck_after_ms = 5000', 'stalled_after_ms = 120000', 'lowered_from_ms >= 60000'] },
      b: { is: { status: 'queued' }, holds: ['stuck_after_ms = 5000', 'stalled_after_ms = 30000'] },
    },
    activity: { a: [...begun, adjusted, adjusted] },
  },
  {
    title: 'null removes a threshold',
    steps: [
      ...brought('a', 'in_progress', { stuckAfterMs: 60_000, stalledAfterMs: 60_000 }),
      adjust('a', { stuckAfterMs: null }, { outcome: 'adjusted' }),
      adjust('a', { stalledAfterMs: null }, { outcome: 'adjusted' }),
      adjust('a', { stalledAfterMs: null, stuckAfterMs: null }, { outcome: 'unchanged' }),
    ],
    rows: { a: { is: { stuck_after_ms: null, stalled_after_ms: null } } },
    activity: { a: [...begun, adjusted, adjusted] },
  },
  {
    title: 'a delegation that has ended or is unknown is not adjusted',
    steps: [
      ...brought('over', 'completed'),
      adjust('over', { deadline: later }, { outcome: 'refused' }),
      adjust('nobody', { deadline: later }, { outcome: 'missing' }),
    ],
    rows: { over: { holds: [`deadline < '${later.instant}'`] }, nobody: null },
    activity: { over: [...begun, { event: 'delegation.completed' }], nobody: [] },
  },
  {
    title: 'bad arguments of adjust are named, and nothing is written',
    steps: [
      ...brought('a', 'in_progress'),
      adjust('', { deadline: later }, { refusedArgument: 'delegationId' }),
      refused('deadlineMs', { deadlineMs: 0 }),
      refused('deadlineMs', { deadlineMs: HOUR_MS, deadline: later }),
      refused('stuckAfterMs', { stuckAfterMs: 0 }),
      refused('stuckAfterMs', { stuckAfterMs: 999 }),
      refused('stuckAfterMs', { stuckAfterMs: 2_592_000_001 }),
      refused('stalledAfterMs', { stalledAfterMs: 999 }),
      refused('stalledAfterMs', { stalledAfterMs: 2_592_000_001 }),
      refused('actor', { deadline: later, actor: '' }),
    ],
    rows: { a: { is: { stuck_after_ms: null, stalled_after_ms: null } } },
    activity: { a: begun },
  },
];
