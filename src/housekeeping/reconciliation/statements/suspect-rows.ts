import { isOneOf } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { resultStatuses, terminalStatuses } from '../../../ledger/transitions.ts';
import type { ReconcilerTables } from '../tables.ts';

/**
 * The next delegations in the order of their ids, and which of them may disagree with their activity: its last transition is
 * another status, it has another end, or a result that came while there was no row. Reads all activity of each.
 */
export function suspectRowsStatement({ delegations, activityLogs, sweeperRetention }: ReconcilerTables) {
  return statement({
    parameters: { afterId: parameter.text, rowsMax: parameter.wholeNumber },
    columns: {
      lastId: nullable(column.text('max(p.delegation_id)')),
      count: column.wholeNumber('count(*)'),
      suspects: column.json<readonly string[]>(
        `coalesce(json_agg(p.delegation_id) FILTER (WHERE t.orphan_result OR t.other_end
    OR t.status IS DISTINCT FROM p.status AND (t.status IS NOT NULL OR (p.finished_at < r.activity_before) IS NOT TRUE)), '[]')`,
      ),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT d.delegation_id, d.status, d.finished_at FROM ${delegations} d
  WHERE d.delegation_id > $afterId ORDER BY d.delegation_id LIMIT $rowsMax) p
CROSS JOIN ${sweeperRetention} r
CROSS JOIN LATERAL (
  SELECT (array_agg(a.to_status ORDER BY a.activity_id DESC) FILTER (WHERE a.to_status IS NOT NULL))[1] AS status,
    bool_or(${isOneOf('a.to_status', terminalStatuses)} AND a.to_status <> p.status) AS other_end,
    bool_or(a.event = 'delegation.orphan_update' AND ${isOneOf(`a.detail ->> 'attempted'`, resultStatuses)}) AS orphan_result
  FROM ${activityLogs} a WHERE a.delegation_id = p.delegation_id) t`,
  });
}
