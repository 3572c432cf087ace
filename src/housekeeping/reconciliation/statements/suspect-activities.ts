import { isOneOf } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { terminalStatuses } from '../../../ledger/transitions.ts';
import { UNHEALABLE } from '../../../ledger/unhealable.ts';
import type { ReconcilerTables } from '../tables.ts';

/**
 * The next activities in the order of their delegations, and those delegations that are not there. Left out: those whose row
 * the retention removed, or somebody else after it ended and before the activity named the caller; and those that were
 * reported before as unhealable. OFFSET keeps the planner to the rows of each one id: otherwise it may read a whole table.
 */
export function suspectActivitiesStatement({ delegations, activityLogs, sweeperRetention, notices }: ReconcilerTables) {
  return statement({
    parameters: { afterId: parameter.text, rowsMax: parameter.wholeNumber },
    columns: {
      lastId: nullable(column.text('max(i.delegation_id)')),
      count: column.wholeNumber('coalesce(sum(i.activities), 0)'),
      suspects: column.json<readonly string[]>(`coalesce(json_agg(i.delegation_id) FILTER (WHERE
    NOT EXISTS (SELECT FROM ${delegations} d WHERE d.delegation_id = i.delegation_id OFFSET 0)
    AND NOT EXISTS (SELECT FROM ${notices} n WHERE n.kind = '${UNHEALABLE}' AND n.subject = i.delegation_id OFFSET 0)
    AND NOT EXISTS (
      SELECT FROM (
        SELECT a.to_status, a.created_at FROM ${activityLogs} a
        WHERE a.delegation_id = i.delegation_id AND a.to_status IS NOT NULL ORDER BY a.activity_id DESC LIMIT 1) told
      WHERE ${isOneOf('told.to_status', terminalStatuses)} AND (told.created_at < r.delegations_before OR (
        SELECT a.detail #>> '{delegation,callerId}' FROM ${activityLogs} a
        WHERE a.delegation_id = i.delegation_id AND a.to_status IS NOT NULL AND a.from_status IS NULL
        ORDER BY a.activity_id DESC LIMIT 1) IS NULL))), '[]')`),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT p.delegation_id, count(*) AS activities FROM (
    SELECT a.delegation_id FROM ${activityLogs} a
    WHERE a.delegation_id > $afterId ORDER BY a.delegation_id LIMIT $rowsMax) p
  GROUP BY p.delegation_id) i
CROSS JOIN ${sweeperRetention} r`,
  });
}
