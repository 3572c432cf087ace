import type { ExplainedDelegation } from './explanation.ts';
import type { JudgedRow } from './statements/judged-row.ts';

/** Pure: the row as it is shown, with its previews or without. */
export function delegationOf(row: JudgedRow, previews: boolean): ExplainedDelegation {
  const { taskPreview, resultPreview, errorDetail } = row;
  return {
    delegationId: row.delegationId,
    callerId: row.callerId,
    calleeId: row.calleeId,
    status: row.status,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    finishedAt: iso(row.finishedAt),
    lastHeartbeat: iso(row.lastHeartbeat),
    deadline: row.deadline.toISOString(),
    stuckAfterMs: row.stuckAfterMs,
    stalledAfterMs: row.stalledAfterMs,
    waitingSince: iso(row.waitingSince),
    waitingUntil: iso(row.waitingUntil),
    waitingReason: row.waitingReason,
    progress: row.progress,
    progressAt: iso(row.progressAt),
    retryOf: row.retryOf,
    attempt: row.attempt,
    startAfter: iso(row.startAfter),
    idempotencyKey: row.idempotencyKey,
    traceparent: row.traceparent,
    previews: previews ? { task: taskPreview, result: resultPreview, errorDetail } : null,
  };
}

function iso(at: Date | null): string | null {
  return at?.toISOString() ?? null;
}
