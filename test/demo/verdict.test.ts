import { describe, expect, test } from '@jest/globals';
import type { Ending } from '../../src/demo/role.ts';
import { problemsOf } from '../../src/demo/verdict.ts';
import type { Activity, ActivityEvent, Delegation } from '../../src/index.ts';

const at = new Date('2026-07-28T10:00:00Z');

const expected: Ending = {
  status: 'stuck',
  by: ['sweeper'],
  errorDetail: /^no heartbeat for \d+s$/,
  activity: ['delegation.queued', 'delegation.in_progress', 'delegation.stuck', 'delegation.late_result'],
  result: 'the result',
};

const row: Delegation = {
  delegationId: 'd',
  callerId: 'caller',
  calleeId: 'callee',
  taskPreview: 'task',
  status: 'stuck',
  lastHeartbeat: at,
  deadline: at,
  idempotencyKey: null,
  resultPreview: null,
  errorDetail: 'no heartbeat for 5s',
  stuckAfterMs: null,
  stalledAfterMs: null,
  waitingSince: null,
  waitingUntil: null,
  waitingReason: null,
  progress: null,
  progressAt: null,
  retryOf: null,
  startAfter: null,
  attempt: 1,
  traceparent: null,
  finishedAt: at,
  createdAt: at,
  updatedAt: at,
};

function activity(event: ActivityEvent, actor: string, detail: Record<string, unknown> = {}): Activity {
  const status = event.slice('delegation.'.length);
  const toStatus = event === 'delegation.late_result' ? null : (status as Activity['toStatus']);
  return {
    activityId: 1,
    delegationId: 'd',
    event,
    fromStatus: null,
    toStatus,
    actor,
    detail,
    requestBody: null,
    responseBody: null,
    createdAt: at,
  };
}

const history = [
  activity('delegation.queued', 'ledger'),
  activity('delegation.in_progress', 'agent'),
  activity('delegation.stuck', 'sweeper'),
  activity('delegation.late_result', 'agent', { attempted: 'completed', resultPreview: 'the result' }),
];

describe("the demo's verdict", () => {
  test('finds no problem with a delegation that ended as expected', () => {
    expect(problemsOf(expected, row, history)).toEqual([]);
  });

  test.each<[string, Delegation | null, readonly Activity[], RegExp]>([
    ['a missing row', null, [], /no such row/],
    ['another status', { ...row, status: 'failed' }, history, /the status is failed, not stuck/],
    ['another attempt', { ...row, attempt: 2 }, history, /it is attempt 2, not 1/],
    ['another reason', { ...row, errorDetail: 'deadline exceeded' }, history, /the error detail is deadline exceeded/],
    ['no reason', { ...row, errorDetail: null }, history, /the error detail is null/],
    ['an end without its instant', { ...row, finishedAt: null }, history, /finished_at is empty/],
    [
      'an activity that gives another status',
      row,
      history.slice(0, 2),
      /activity gives in_progress, the row has stuck/,
    ],
    ['another actor', row, history.toSpliced(2, 1, activity('delegation.stuck', 'agent')), /status was set by agent/],
    ['a late result that was not recorded', row, history.slice(0, 3), /the result kept is null/],
    ['one activity too many', row, [...history, history[3]!], /the activity is/],
  ])('reports %s', (_, found, stream, problem) => {
    expect(problemsOf(expected, found, stream).join('\n')).toMatch(problem);
  });

  test('reports an error detail where there should be none', () => {
    expect(problemsOf({ ...expected, errorDetail: null }, row, history)).toEqual([
      'the error detail is no heartbeat for 5s, not null',
    ]);
  });
});
