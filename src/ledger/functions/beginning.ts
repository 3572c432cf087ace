/**
 * SQL: what the delegation `row` began with, as the detail of its first activity. The reconciler makes a row that was lost
 * again from it (reconcile.ts).
 */
export function beginningOf(row: string): string {
  return `jsonb_set('{}', '{delegation}', jsonb_strip_nulls(jsonb_object(ARRAY['callerId', ${row}.caller_id,
      'calleeId', ${row}.callee_id, 'taskPreview', ${row}.task_preview, 'deadline', to_jsonb(${row}.deadline) #>> '{}',
      'idempotencyKey', ${row}.idempotency_key, 'traceparent', ${row}.traceparent]))
      || CASE WHEN num_nonnulls(${row}.stuck_after_ms, ${row}.stalled_after_ms) = 0 THEN '{}' ELSE jsonb_strip_nulls(
        jsonb_build_object('stuckAfterMs', ${row}.stuck_after_ms, 'stalledAfterMs', ${row}.stalled_after_ms)) END)`;
}
