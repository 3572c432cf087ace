import { brought, type Case, delegation, fromNow, HOUR_MS, insert, type Step, type Value } from '../case.ts';

const refused = (argument: string, more: Readonly<Record<string, Value>>): Step => ({
  call: 'insert',
  with: { ...delegation('a'), ...more },
  answers: { refusedArgument: argument },
});

const duplicate = (of: string, more: Readonly<Record<string, Value>>, status = 'queued'): Step => ({
  call: 'insert',
  with: { ...delegation('a'), ...more },
  answers: { outcome: 'duplicate', delegationId: of, status: status as 'queued' },
});

const later = fromNow(3 * HOUR_MS);

export const insertCases: readonly Case[] = [
  {
    title: 'a delegation is queued with all arguments',
    steps: [
      insert('a', {
        idempotencyKey: 'key',
        deadline: later,
        requestBody: { json: { prompt: 'x', at: 0.1, nested: [null, { '': 'ü' }] } },
      }),
    ],
    rows: {
      a: {
        is: {
          status: 'queued',
          caller_id: 'caller',
          callee_id: 'callee',
          task_preview: 'task',
          idempotency_key: 'key',
          attempt: 1,
          retry_of: null,
          stuck_after_ms: null,
          waiting_until: null,
        },
        holds: [`deadline = '${later.instant}'`, 'created_at = updated_at', 'last_heartbeat IS NULL'],
      },
    },
    activity: {
      a: [
        {
          event: 'delegation.queued',
          from_status: null,
          to_status: 'queued',
          actor: 'ledger',
          detail: {
            delegation: { callerId: 'caller', calleeId: 'callee', taskPreview: 'task', idempotencyKey: 'key' },
          },
          request_body: { prompt: 'x', at: 0.1, nested: [null, { '': 'ü' }] },
          response_body: null,
        },
      ],
    },
  },
  {
    title: 'the deadline is six hours away, or as given',
    steps: [insert('default'), insert('in an hour', { deadlineMs: HOUR_MS }), insert('nulls', { deadline: null })],
    rows: {
      default: { holds: [`deadline = created_at + interval '6 hours'`] },
      'in an hour': { holds: [`deadline = created_at + interval '1 hour'`] },
      nulls: { holds: [`deadline = created_at + interval '6 hours'`, 'idempotency_key IS NULL'] },
    },
  },
  {
    title: 'the same id again is a duplicate that names its status, and changes nothing',
    steps: [
      ...brought('a', 'in_progress'),
      duplicate('a', { taskPreview: 'another', calleeId: 'another' }, 'in_progress'),
    ],
    rows: { a: { is: { task_preview: 'task', callee_id: 'callee', status: 'in_progress' } } },
    activity: { a: [{ event: 'delegation.queued' }, { event: 'delegation.in_progress' }] },
  },
  {
    title:
      "the caller's key again is a duplicate that names the delegation which holds it; another caller's same key is not",
    steps: [
      insert('a', { idempotencyKey: 'key' }),
      duplicate('a', { delegationId: 'b', idempotencyKey: 'key' }),
      insert('c', { idempotencyKey: 'key', callerId: 'another' }),
      insert('d', { idempotencyKey: 'another key' }),
    ],
    rows: { a: {}, b: null, c: { is: { idempotency_key: 'key' } }, d: {} },
    activity: { b: [], c: [{ event: 'delegation.queued' }] },
  },
  {
    title: 'own thresholds and a trace context are stored',
    steps: [
      insert('a', {
        stuckAfterMs: 5_000,
        stalledAfterMs: 60_000,
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      }),
      insert('shortest', { stuckAfterMs: 1_000, stalledAfterMs: 1_000 }),
      insert('longest', { stuckAfterMs: 2_592_000_000, stalledAfterMs: 2_592_000_000 }),
    ],
    rows: {
      a: {
        is: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
        holds: ['stuck_after_ms = 5000', 'stalled_after_ms = 60000'],
      },
      shortest: { holds: ['stuck_after_ms = 1000', 'stalled_after_ms = 1000'] },
      longest: { holds: ['stuck_after_ms = 2592000000', 'stalled_after_ms = 2592000000'] },
    },
  },
  {
    title: 'bad arguments of insert are named, and nothing is written',
    steps: [
      refused('delegationId', { delegationId: '' }),
      refused('delegationId', { delegationId: 'x'.repeat(201) }),
      refused('delegationId', { delegationId: 'tab\t' }),
      refused('delegationId', { delegationId: null }),
      refused('callerId', { callerId: '' }),
      refused('callerId', { callerId: 'x'.repeat(201) }),
      refused('calleeId', { calleeId: '' }),
      refused('calleeId', { calleeId: 'line\nbreak' }),
      refused('taskPreview', { taskPreview: null }),
      refused('idempotencyKey', { idempotencyKey: '' }),
      refused('idempotencyKey', { idempotencyKey: 'x'.repeat(201) }),
      refused('deadlineMs', { deadlineMs: 0 }),
      refused('deadlineMs', { deadlineMs: -1 }),
      refused('deadlineMs', { deadlineMs: 1e15 }),
      refused('deadlineMs', { deadlineMs: HOUR_MS, deadline: later }),
      refused('stuckAfterMs', { stuckAfterMs: 0 }),
      refused('stuckAfterMs', { stuckAfterMs: -1 }),
      refused('stuckAfterMs', { stuckAfterMs: 999 }),
      refused('stuckAfterMs', { stuckAfterMs: 2_592_000_001 }),
      refused('stalledAfterMs', { stalledAfterMs: 999 }),
      refused('stalledAfterMs', { stalledAfterMs: 2_592_000_001 }),
      refused('traceparent', { traceparent: 'not a trace context' }),
    ],
    rows: { a: null },
    activity: { a: [] },
  },
  {
    title: 'ids of 200 characters are accepted, whatever their bytes',
    steps: [insert('🙂'.repeat(200), { callerId: 'ü'.repeat(200), idempotencyKey: "'".repeat(200) })],
    rows: { ['🙂'.repeat(200)]: { holds: ['char_length(delegation_id) = 200'] } },
  },
];
