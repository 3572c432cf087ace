/**
 * SQL: what the delegation `row` began with, as the detail of its first activity. The reconciler makes a row that was lost
 * again from it (reconcile.ts).
 */
export function beginningOf(row: string): string {
  return `jsonb_build_object('delegation', jsonb_strip_nulls(jsonb_build_object('callerId', ${row}.caller_id,
      'calleeId', ${row}.callee_id, 'taskPreview', ${row}.task_preview, 'deadline', ${row}.deadline,
      'idempotencyKey', ${row}.idempotency_key, 'stuckAfterMs', ${row}.stuck_after_ms,
      'stalledAfterMs', ${row}.stalled_after_ms, 'traceparent', ${row}.traceparent)))`;
}
