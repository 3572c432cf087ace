import { column, nullable, parameter, statement } from '../../db/statement.ts';
import { activityEvents } from '../activity.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

/** Of the delegation `d`. */
export const delegationColumns = {
  delegationId: column.text('d.delegation_id'),
  callerId: column.text('d.caller_id'),
  calleeId: column.text('d.callee_id'),
  taskPreview: column.text('d.task_preview'),
  status: column.oneOf(statuses, 'd.status'),
  lastHeartbeat: nullable(column.instant('d.last_heartbeat')),
  deadline: column.instant('d.deadline'),
  idempotencyKey: nullable(column.text('d.idempotency_key')),
  resultPreview: nullable(column.text('d.result_preview')),
  errorDetail: nullable(column.text('d.error_detail')),
  stuckAfterMs: nullable(column.wholeNumber('d.stuck_after_ms')),
  stalledAfterMs: nullable(column.wholeNumber('d.stalled_after_ms')),
  waitingSince: nullable(column.instant('d.waiting_since')),
  waitingUntil: nullable(column.instant('d.waiting_until')),
  waitingReason: nullable(column.text('d.waiting_reason')),
  progress: nullable(column.text('d.progress')),
  progressAt: nullable(column.instant('d.progress_at')),
  retryOf: nullable(column.text('d.retry_of')),
  attempt: column.wholeNumber('d.attempt'),
  startAfter: nullable(column.instant('d.start_after')),
  traceparent: nullable(column.text('d.traceparent')),
  finishedAt: nullable(column.instant('d.finished_at')),
  createdAt: column.instant('d.created_at'),
  updatedAt: column.instant('d.updated_at'),
} as const;

export function getStatement({ delegations }: LedgerTables) {
  return statement({
    parameters: { delegationId: parameter.text },
    columns: delegationColumns,
    sql: (columns) => `SELECT ${columns} FROM ${delegations} d WHERE d.delegation_id = $delegationId`,
  });
}

/** Oldest first. */
export function historyStatement({ activityLogs }: LedgerTables) {
  return statement({
    parameters: { delegationId: parameter.text },
    columns: {
      activityId: column.wholeNumber('a.activity_id'),
      delegationId: column.text('a.delegation_id'),
      event: column.oneOf(activityEvents, 'a.event'),
      fromStatus: nullable(column.oneOf(statuses, 'a.from_status')),
      toStatus: nullable(column.oneOf(statuses, 'a.to_status')),
      actor: column.text('a.actor'),
      detail: column.json<Readonly<Record<string, unknown>>>('a.detail'),
      requestBody: column.json<unknown>('a.request_body'),
      responseBody: column.json<unknown>('a.response_body'),
      createdAt: column.instant('a.created_at'),
    },
    sql: (columns) =>
      `SELECT ${columns} FROM ${activityLogs} a WHERE a.delegation_id = $delegationId ORDER BY a.activity_id`,
  });
}
