import { isLateResult, isTerminal, mayBecome, type Status, statuses } from '../../../src/ledger/transitions.ts';
import { type Activity, brought, type Case, insert, setStatus } from '../case.ts';

const pairs = statuses.flatMap((from) => statuses.map((to) => [from, to] as const));

const ways: Readonly<Record<Status, readonly Status[]>> = {
  queued: ['queued'],
  dispatched: ['queued', 'dispatched'],
  in_progress: ['queued', 'in_progress'],
  completed: ['queued', 'in_progress', 'completed'],
  failed: ['queued', 'failed'],
  stuck: ['queued', 'in_progress', 'stuck'],
};

/** The activity of a delegation that came to a status. */
function broughtActivity(status: Status): Activity[] {
  return ways[status].map((to, i) => ({
    event: `delegation.${to}`,
    from_status: i === 0 ? null : ways[status][i - 1]!,
    to_status: to,
    actor: 'ledger',
  }));
}

function pairCase(from: Status, to: Status): Case {
  const outcome = from === to ? 'unchanged' : mayBecome(from, to) ? 'changed' : 'refused';
  const moved: Activity[] =
    outcome === 'changed' ? [{ event: `delegation.${to}`, from_status: from, to_status: to, actor: 'somebody' }] : [];
  const late: Activity[] = isLateResult(from, to, false)
    ? [{ event: 'delegation.late_result', from_status: from, to_status: null, detail: { attempted: to } }]
    : [];
  const status = outcome === 'changed' ? to : from;
  return {
    title: `${from} to ${to} is ${outcome}`,
    steps: [...brought('a', from), setStatus('a', to, { outcome, from, to }, { actor: 'somebody' })],
    rows: {
      a: {
        is: { status },
        holds: [
          `(finished_at IS NOT NULL) = ${isTerminal(status)}`,
          ...(status === 'in_progress' ? ['last_heartbeat IS NOT NULL'] : []),
          ...(outcome === 'changed' ? ['updated_at > created_at'] : []),
        ],
      },
    },
    activity: { a: [...broughtActivity(from), ...moved, ...late] },
  };
}

export const transitionCases: readonly Case[] = [
  ...pairs.map(([from, to]) => pairCase(from, to)),
  {
    title: 'an end records its detail and its body',
    steps: [
      ...brought('a', 'in_progress'),
      ...brought('b', 'in_progress'),
      setStatus(
        'a',
        'completed',
        { outcome: 'changed', from: 'in_progress', to: 'completed' },
        { resultPreview: 'result', responseBody: { json: { text: 'result', ratio: 0.1, tags: [] } }, actor: 'agent' },
      ),
      setStatus('b', 'failed', { outcome: 'changed' }, { errorDetail: 'why', responseBody: { json: [1] } }),
    ],
    rows: {
      a: { is: { status: 'completed', result_preview: 'result', error_detail: null } },
      b: { is: { status: 'failed', result_preview: null, error_detail: 'why' } },
    },
    activity: {
      a: [
        { event: 'delegation.queued' },
        { event: 'delegation.in_progress' },
        {
          event: 'delegation.completed',
          actor: 'agent',
          detail: { resultPreview: 'result' },
          response_body: { text: 'result', ratio: 0.1, tags: [] },
        },
      ],
      b: [
        { event: 'delegation.queued' },
        { event: 'delegation.in_progress' },
        { event: 'delegation.failed', detail: { errorDetail: 'why' }, response_body: [1] },
      ],
    },
  },
  {
    title: 'the same status again touches neither updated_at nor the activity, and fills a detail that is still empty',
    steps: [
      ...brought('a', 'completed'),
      { sql: `UPDATE delegations SET updated_at = '2020-01-01T00:00:00Z'` },
      setStatus('a', 'completed', { outcome: 'unchanged', from: 'completed', to: 'completed' }),
      setStatus('a', 'completed', { outcome: 'unchanged' }, { resultPreview: 'result' }),
    ],
    rows: {
      a: { is: { status: 'completed', result_preview: 'result' }, holds: [`updated_at = '2020-01-01T00:00:00Z'`] },
    },
    activity: {
      a: [{ event: 'delegation.queued' }, { event: 'delegation.in_progress' }, { event: 'delegation.completed' }],
    },
  },
  {
    title: 'a detail is accepted only with its own status',
    steps: [
      insert('a'),
      setStatus('a', 'dispatched', { refusedArgument: 'errorDetail' }, { errorDetail: 'x' }),
      setStatus('a', 'in_progress', { refusedArgument: 'resultPreview' }, { resultPreview: 'x' }),
      setStatus('a', 'failed', { refusedArgument: 'resultPreview' }, { resultPreview: 'x' }),
      setStatus('a', 'completed', { refusedArgument: 'errorDetail' }, { errorDetail: 'x' }),
    ],
    rows: { a: { is: { status: 'queued' } } },
    activity: { a: [{ event: 'delegation.queued' }] },
  },
  {
    title: 'bad arguments of setStatus are named, and nothing is written',
    steps: [
      insert('a'),
      setStatus('', 'dispatched', { refusedArgument: 'delegationId' }),
      setStatus('x'.repeat(201), 'dispatched', { refusedArgument: 'delegationId' }),
      setStatus('a\u0007', 'dispatched', { refusedArgument: 'delegationId' }),
      setStatus('a', 'finished' as Status, { refusedArgument: 'status' }),
      setStatus('a', '' as Status, { refusedArgument: 'status' }),
      setStatus('a', 'dispatched', { refusedArgument: 'actor' }, { actor: '' }),
      setStatus('a', 'dispatched', { refusedArgument: 'actor' }, { actor: 'x'.repeat(201) }),
      setStatus('a', 'dispatched', { refusedArgument: 'actor' }, { actor: 'line\nbreak' }),
    ],
    rows: { a: { is: { status: 'queued' } } },
    activity: { a: [{ event: 'delegation.queued' }] },
  },
];
