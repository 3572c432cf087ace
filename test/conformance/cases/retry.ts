import {
  type Answer,
  brought,
  type Case,
  HOUR_MS,
  insert,
  MINUTE_MS,
  type Step,
  setStatus,
  type Value,
} from '../case.ts';

function retry(delegationId: string, answers: Answer, more: Readonly<Record<string, Value>> = {}): Step {
  return { call: 'retry', with: { delegationId, ...more }, answers };
}

const refused = (argument: string, more: Readonly<Record<string, Value>>): Step =>
  retry('a', { refusedArgument: argument }, more);

const deadlineMs = (from: string) => `extract(epoch FROM deadline - ${from}) * 1000`;
const about = (ms: number, from = 'created_at') => `${deadlineMs(from)} BETWEEN ${ms - 1_000} AND ${ms + 1_000}`;
const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** As if the activity and the row were so much older: what was waited is then over. */
function aged(delegationId: string, ms: number): readonly Step[] {
  const back = `- ${ms} * interval '1 millisecond'`;
  return [
    { byOwner: `UPDATE activity_logs SET created_at = created_at ${back} WHERE delegation_id = '${delegationId}'` },
    {
      byOwner: `UPDATE delegations SET created_at = created_at ${back}, deadline = deadline ${back},
        waiting_since = waiting_since ${back}, waiting_until = waiting_until ${back} WHERE delegation_id = '${delegationId}'`,
    },
  ];
}

export const retryCases: readonly Case[] = [
  {
    title: 'what failed is tried again by a new delegation with the same task, request, thresholds and trace',
    steps: [
      insert('a', {
        idempotencyKey: 'key',
        deadlineMs: 2 * HOUR_MS,
        stuckAfterMs: 60_000,
        stalledAfterMs: 120_000,
        traceparent: trace,
        requestBody: { json: { files: ['a', 'b'] } },
      }),
      setStatus('a', 'failed', { outcome: 'changed' }, { errorDetail: 'out of ideas' }),
      retry(
        'a',
        { outcome: 'inserted', delegationId: 'b', attempt: 2, status: 'failed' },
        { newId: 'b', actor: 'planner' },
      ),
    ],
    rows: {
      a: { is: { status: 'failed', attempt: 1, retry_of: null } },
      b: {
        is: {
          status: 'queued',
          caller_id: 'caller',
          callee_id: 'callee',
          task_preview: 'task',
          attempt: 2,
          retry_of: 'a',
          start_after: null,
          idempotency_key: null,
          error_detail: null,
          traceparent: trace,
        },
        holds: ['stuck_after_ms = 60000', 'stalled_after_ms = 120000', about(2 * HOUR_MS)],
      },
    },
    activity: {
      a: [{ event: 'delegation.queued' }, { event: 'delegation.failed' }],
      b: [
        {
          event: 'delegation.queued',
          from_status: null,
          to_status: 'queued',
          actor: 'planner',
          detail: { retryOf: 'a', attempt: 2 },
          request_body: { files: ['a', 'b'] },
        },
      ],
    },
  },
  {
    title:
      'a delegation is tried again once: the second time names the first; the attempt after that is a retry of the retry',
    steps: [
      ...brought('a', 'stuck'),
      retry('a', { outcome: 'inserted', delegationId: 'b', attempt: 2 }, { newId: 'b' }),
      retry('a', { outcome: 'duplicate', delegationId: 'b', attempt: 2 }),
      retry('a', { outcome: 'duplicate', delegationId: 'b', attempt: 2 }, { newId: 'c' }),
      retry('b', { outcome: 'refused' }),
      setStatus('b', 'failed', { outcome: 'changed' }),
      retry('b', { outcome: 'inserted', delegationId: 'c', attempt: 3 }, { newId: 'c' }),
      retry('a', { outcome: 'duplicate', delegationId: 'b', attempt: 2 }),
    ],
    rows: { c: { is: { status: 'queued', attempt: 3, retry_of: 'b' } } },
  },
  {
    title: 'what is open, completed or unknown is not tried again',
    steps: [
      ...brought('open', 'in_progress'),
      ...brought('done', 'completed'),
      retry('open', { outcome: 'refused', status: 'in_progress' }, { newId: 'x' }),
      retry('done', { outcome: 'refused', status: 'completed' }, { newId: 'x' }),
      retry('nobody', { outcome: 'missing' }, { newId: 'x' }),
    ],
    rows: { x: null, nobody: null },
    activity: { nobody: [] },
  },
  {
    title: 'a new id that another delegation has is refused, and nothing is written',
    steps: [
      ...brought('a', 'failed'),
      insert('taken'),
      refused('newId', { newId: 'taken' }),
      refused('newId', { newId: 'a' }),
      retry('a', { outcome: 'inserted', delegationId: 'b', attempt: 2 }, { newId: 'b' }),
    ],
    rows: { taken: { is: { retry_of: null, attempt: 1 } } },
    activity: { taken: [{ event: 'delegation.queued' }] },
  },
  {
    title: 'the deadline is as long as was given, from the instant at which the attempt may start',
    steps: [
      ...brought('a', 'failed'),
      retry(
        'a',
        { outcome: 'inserted', attempt: 2 },
        { newId: 'b', deadlineMs: HOUR_MS, startAfterMs: 10 * MINUTE_MS },
      ),
      setStatus('b', 'failed', { outcome: 'changed' }),
      // What the first retry waited to start is no part of what it was given.
      retry('b', { outcome: 'inserted', attempt: 3 }, { newId: 'c' }),
    ],
    rows: {
      b: {
        holds: [about(HOUR_MS, 'start_after'), `extract(epoch FROM start_after - created_at) BETWEEN 599 AND 601`],
      },
      c: { is: { start_after: null }, holds: [about(HOUR_MS)] },
    },
  },
  {
    title: 'the time that a delegation waited is no part of the deadline of its retry, whatever ended the wait',
    steps: [
      ...brought('resumed', 'in_progress', { deadlineMs: HOUR_MS }),
      {
        call: 'wait',
        with: { delegationId: 'resumed', untilMs: HOUR_MS, reason: 'a person' },
        answers: { outcome: 'waiting' },
      },
      ...aged('resumed', 10 * MINUTE_MS),
      { call: 'resume', with: { delegationId: 'resumed' }, answers: { outcome: 'resumed' } },
      setStatus('resumed', 'failed', { outcome: 'changed' }),
      retry('resumed', { outcome: 'inserted' }, { newId: 'resumed-2' }),
      insert('moved', { deadlineMs: HOUR_MS }),
      {
        call: 'wait',
        with: { delegationId: 'moved', untilMs: HOUR_MS, reason: 'a slot' },
        answers: { outcome: 'waiting' },
      },
      ...aged('moved', 20 * MINUTE_MS),
      setStatus('moved', 'in_progress', { outcome: 'changed' }),
      ...aged('moved', 3 * HOUR_MS),
      setStatus('moved', 'failed', { outcome: 'changed' }),
      retry('moved', { outcome: 'inserted' }, { newId: 'moved-2' }),
    ],
    rows: { 'resumed-2': { holds: [about(HOUR_MS)] }, 'moved-2': { holds: [about(HOUR_MS)] } },
  },
  {
    title: 'a deadline that was never ahead gives the retry the default',
    steps: [
      insert('a', { deadline: { instant: '2020-01-01T00:00:00Z' } }),
      setStatus('a', 'failed', { outcome: 'changed' }),
      retry('a', { outcome: 'inserted' }, { newId: 'b' }),
    ],
    rows: { b: { holds: [about(6 * HOUR_MS)] } },
  },
  {
    title: 'a delegation whose result came late is tried again by hand, and the answer says that there is one',
    steps: [
      ...brought('a', 'stuck'),
      setStatus('a', 'completed', { outcome: 'refused' }, { resultPreview: 'all green' }),
      retry('a', { outcome: 'inserted', delegationId: 'b', attempt: 2, lateResult: true }, { newId: 'b' }),
      ...brought('c', 'stuck'),
      retry('c', { outcome: 'inserted', lateResult: false }),
    ],
  },
  {
    title: 'bad arguments of retry are named, and nothing is written',
    steps: [
      ...brought('a', 'failed'),
      retry('', { refusedArgument: 'delegationId' }),
      refused('newId', { newId: '' }),
      refused('newId', { newId: 'x'.repeat(201) }),
      refused('deadlineMs', { deadlineMs: 0 }),
      refused('deadlineMs', { deadlineMs: -1 }),
      refused('startAfterMs', { startAfterMs: 0 }),
      refused('actor', { actor: '' }),
      { sql: `SELECT FROM delegations WHERE delegation_id <> 'a'` },
    ],
    rows: { x: null },
    activity: { a: [{ event: 'delegation.queued' }, { event: 'delegation.failed' }] },
  },
  {
    title:
      "a client's own statement cannot make a second retry of the same delegation, nor one that starts at no instant",
    steps: [
      ...brought('a', 'failed'),
      retry('a', { outcome: 'inserted' }, { newId: 'b' }),
      {
        sql: `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, retry_of, attempt)
          VALUES ('c', 'caller', 'callee', 'task', 'a', 2)`,
        sqlState: '23505',
      },
      {
        sql: `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, start_after)
          VALUES ('d', 'caller', 'callee', 'task', 'infinity')`,
        sqlState: '23514',
      },
    ],
    rows: { c: null, d: null },
  },
];
