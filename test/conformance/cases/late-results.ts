import { type Activity, brought, type Case, insert, setStatus } from '../case.ts';

const LATE = { resultPreview: 'late', responseBody: { json: { text: 'late' } } };
const completedLate: Activity = {
  event: 'delegation.late_result',
  to_status: null,
  detail: { attempted: 'completed', resultPreview: 'late' },
  response_body: { text: 'late' },
};
const begun: Activity[] = [{ event: 'delegation.queued' }, { event: 'delegation.in_progress' }];

export const lateResultCases: readonly Case[] = [
  {
    title: 'a result after stuck is refused and recorded, once however often it is sent',
    steps: [
      ...brought('a', 'stuck'),
      setStatus('a', 'completed', { outcome: 'refused', from: 'stuck', to: 'completed' }, LATE),
      setStatus('a', 'completed', { outcome: 'refused', from: 'stuck' }, LATE),
      setStatus('a', 'completed', { outcome: 'refused' }, { resultPreview: 'another' }),
    ],
    rows: { a: { is: { status: 'stuck', result_preview: null } } },
    activity: {
      a: [
        ...begun,
        { event: 'delegation.stuck' },
        { ...completedLate, from_status: 'stuck' },
        { event: 'delegation.late_result', detail: { attempted: 'completed', resultPreview: 'another' } },
      ],
    },
  },
  {
    title: 'a result after failed is refused and recorded',
    steps: [...brought('a', 'failed'), setStatus('a', 'completed', { outcome: 'refused', from: 'failed' }, LATE)],
    activity: {
      a: [{ event: 'delegation.queued' }, { event: 'delegation.failed' }, { ...completedLate, from_status: 'failed' }],
    },
  },
  {
    title: 'a failure after completed is refused and recorded with its detail',
    steps: [
      ...brought('a', 'completed'),
      setStatus('a', 'failed', { outcome: 'refused', from: 'completed' }, { errorDetail: 'late', actor: 'agent' }),
    ],
    rows: { a: { is: { status: 'completed', error_detail: null } } },
    activity: {
      a: [
        ...begun,
        { event: 'delegation.completed' },
        {
          event: 'delegation.late_result',
          from_status: 'completed',
          actor: 'agent',
          detail: { attempted: 'failed', errorDetail: 'late' },
        },
      ],
    },
  },
  {
    title: 'another result of a completed delegation is recorded, the same one is not',
    steps: [
      ...brought('a', 'in_progress'),
      setStatus('a', 'completed', { outcome: 'changed' }, LATE),
      setStatus('a', 'completed', { outcome: 'unchanged' }, LATE),
      setStatus('a', 'completed', { outcome: 'unchanged' }, { resultPreview: 'late' }),
      setStatus('a', 'completed', { outcome: 'unchanged' }, { resultPreview: 'another' }),
      setStatus('a', 'completed', { outcome: 'unchanged' }, { responseBody: { json: { text: 'another' } } }),
    ],
    rows: { a: { is: { result_preview: 'late' } } },
    activity: {
      a: [
        ...begun,
        { event: 'delegation.completed' },
        { event: 'delegation.late_result', detail: { attempted: 'completed', resultPreview: 'another' } },
        { event: 'delegation.late_result', detail: { attempted: 'completed' }, response_body: { text: 'another' } },
      ],
    },
  },
  {
    title: 'a result of a delegation that was never begun is refused and recorded',
    steps: [insert('a'), setStatus('a', 'completed', { outcome: 'refused', from: 'queued' }, LATE)],
    rows: { a: { is: { status: 'queued' } } },
    activity: { a: [{ event: 'delegation.queued' }, { ...completedLate, from_status: 'queued' }] },
  },
  {
    title: 'a result of an unknown delegation is recorded, once however often it is sent',
    steps: [
      setStatus('nobody', 'completed', { outcome: 'missing', from: null, to: 'completed' }, LATE),
      setStatus('nobody', 'completed', { outcome: 'missing' }, LATE),
      setStatus('nobody', 'in_progress', { outcome: 'missing' }, { actor: 'agent' }),
    ],
    rows: { nobody: null },
    activity: {
      nobody: [
        {
          event: 'delegation.orphan_update',
          from_status: null,
          to_status: null,
          actor: 'ledger',
          detail: { attempted: 'completed', resultPreview: 'late' },
          response_body: { text: 'late' },
        },
        { event: 'delegation.orphan_update', actor: 'agent', detail: { attempted: 'in_progress' } },
      ],
    },
  },
];
