import type { Attempt } from '../../ledger/statements/attempts.ts';
import type { ExplainedAttempt } from './explanation.ts';

/** Pure: the attempts at the work of a delegation, in their order. */
export function attemptsOf(attempts: readonly Attempt[], delegationId: string): readonly ExplainedAttempt[] {
  return attempts.map(({ errorDetail: _, startAfter, createdAt, finishedAt, ...attempt }) => ({
    ...attempt,
    startAfter: startAfter?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
    isThis: attempt.delegationId === delegationId,
  }));
}

/** The delegation that tries this one again; null: none does. */
export function retriedAs(attempts: readonly ExplainedAttempt[], delegationId: string): string | null {
  return attempts.find(({ retryOf }) => retryOf === delegationId)?.delegationId ?? null;
}
