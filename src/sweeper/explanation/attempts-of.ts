import type { ExplainedAttempt } from './explanation.ts';
import type { JudgedRow } from './statements/judged-row.ts';

/** Pure: the attempts at the work of a delegation, in their order. */
export function attemptsOf(row: JudgedRow): readonly ExplainedAttempt[] {
  const { delegationId, attempt, retryOf, status, calleeId, createdAt, finishedAt } = row;
  return [
    {
      ...{ delegationId, attempt, retryOf, status, calleeId },
      createdAt: createdAt.toISOString(),
      finishedAt: finishedAt?.toISOString() ?? null,
      startAfter: null,
      isThis: true,
    },
  ];
}

/** The delegation that tries this one again; null: none does. */
export function retriedAs(attempts: readonly ExplainedAttempt[], delegationId: string): string | null {
  return attempts.find(({ retryOf }) => retryOf === delegationId)?.delegationId ?? null;
}
