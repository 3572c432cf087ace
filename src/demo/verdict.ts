import { type Activity, type Delegation, isTerminal, replay } from '../index.ts';
import type { EventFields } from '../log/catalogue.ts';
import type { Ending } from './role.ts';

export type Result = EventFields<'demo.result'>;

export interface Played {
  readonly agent: string;
  readonly delegationId: string;
  readonly ending: Ending;
  readonly happened: string;
  /** Why the play did not come to its end; null when it did. */
  readonly failure: string | null;
}

/** How a delegation ended, and whether it should have. */
export function resultOf(played: Played, row: Delegation | null, history: readonly Activity[]): Result {
  const { agent, delegationId, ending, happened, failure } = played;
  const problems = [...(failure === null ? [] : [failure]), ...problemsOf(ending, row, history)];
  return {
    agent,
    delegationId,
    happened,
    status: row?.status ?? null,
    errorDetail: row?.errorDetail ?? null,
    attempt: row?.attempt ?? 1,
    lateResult: history.some(({ event }) => event === 'delegation.late_result'),
    asExpected: problems.length === 0,
    problems,
  };
}

/** What is not as expected about a delegation; empty when everything is. */
export function problemsOf(expected: Ending, row: Delegation | null, history: readonly Activity[]): string[] {
  if (row === null) return ['the ledger holds no such row'];
  const { status, errorDetail, finishedAt, attempt } = row;
  const { attempt: expectedAttempt = 1 } = expected;
  const replayed = replay(history);
  const by = history.findLast(({ toStatus }) => toStatus !== null)?.actor ?? 'nobody';
  const stream = history.map(({ event }) => event).join(', ');
  const stamped = (finishedAt !== null) === isTerminal(status);
  const late = history.find(({ event }) => event === 'delegation.late_result');
  const kept = row.resultPreview ?? late?.detail.resultPreview ?? null;
  const detailFits = expected.errorDetail?.test(errorDetail ?? '') ?? errorDetail === null;
  return [
    status !== expected.status && `the status is ${status}, not ${expected.status}`,
    attempt !== expectedAttempt && `it is attempt ${attempt}, not ${expectedAttempt}`,
    !detailFits && `the error detail is ${errorDetail}, not ${expected.errorDetail}`,
    !stamped && `finished_at is ${finishedAt?.toISOString() ?? 'empty'} for ${status}`,
    replayed !== status && `the replayed activity gives ${replayed}, the row has ${status}`,
    !expected.by.includes(by) && `the status was set by ${by}, not by ${expected.by.join(' or ')}`,
    kept !== expected.result && `the result kept is ${kept}, not ${expected.result}`,
    stream !== expected.activity.join(', ') && `the activity is ${stream}, not ${expected.activity.join(', ')}`,
  ].filter((problem) => problem !== false);
}
