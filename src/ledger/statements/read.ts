import { instant, Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { Activity } from '../activity.ts';
import type { Delegation } from '../delegation.ts';
import type { LedgerTables } from '../tables.ts';

/** Parameter: $1 id. */
export function getStatement({ delegations }: LedgerTables): Statement<Delegation> {
  return new Statement(
    `
SELECT delegation_id AS "delegationId", caller_id AS "callerId", callee_id AS "calleeId",
  task_preview AS "taskPreview", status AS "status", ${instant('last_heartbeat')} AS "lastHeartbeat", ${instant('deadline')} AS "deadline",
  idempotency_key AS "idempotencyKey", result_preview AS "resultPreview", error_detail AS "errorDetail",
  ${instant('finished_at')} AS "finishedAt", ${instant('created_at')} AS "createdAt", ${instant('updated_at')} AS "updatedAt"
FROM ${delegations} WHERE delegation_id = $1`,
    ['lastHeartbeat', 'deadline', 'finishedAt', 'createdAt', 'updatedAt'],
  );
}

/** Oldest first. Parameter: $1 id. */
export function historyStatement({ activityLogs }: LedgerTables): Statement<Activity> {
  return new Statement(
    `
SELECT ${wholeNumber('activity_id')} AS "activityId", delegation_id AS "delegationId", event AS "event",
  from_status AS "fromStatus", to_status AS "toStatus", actor AS "actor", detail AS "detail",
  request_body AS "requestBody", response_body AS "responseBody", ${instant('created_at')} AS "createdAt"
FROM ${activityLogs} WHERE delegation_id = $1 ORDER BY activity_id`,
    ['createdAt'],
  );
}
