import { type Activity, type Delegation, isTerminal, replay } from '../index.ts';
import type { Ending } from './role.ts';

/** What is not as expected about a delegation; empty when everything is. */
export function problemsOf(expected: Ending, row: Delegation | null, history: readonly Activity[]): string[] {
  if (row === null) return ['the ledger holds no such row'];
  const { status, errorDetail, finishedAt } = row;
  const replayed = replay(history);
  const by = history.findLast(({ toStatus }) => toStatus !== null)?.actor ?? 'nobody';
  const stream = history.map(({ event }) => event).join(', ');
  const stamped = (finishedAt !== null) === isTerminal(status);
  const late = history.find(({ event }) => event === 'delegation.late_result');
  const kept = row.resultPreview ?? late?.detail.resultPreview ?? null;
  const detailFits = expected.errorDetail?.test(errorDetail ?? '') ?? errorDetail === null;
  return [
    status !== expected.status && `the status is ${status}, not ${expected.status}`,
    !detailFits && `the error detail is ${errorDetail}, not ${expected.errorDetail}`,
    !stamped && `finished_at is ${finishedAt?.toISOString() ?? 'empty'} for ${status}`,
    replayed !== status && `the replayed activity gives ${replayed}, the row has ${status}`,
    !expected.by.includes(by) && `the status was set by ${by}, not by ${expected.by.join(' or ')}`,
    kept !== expected.result && `the result kept is ${kept}, not ${expected.result}`,
    stream !== expected.activity.join(', ') && `the activity is ${stream}, not ${expected.activity.join(', ')}`,
  ].filter((problem) => problem !== false);
}
