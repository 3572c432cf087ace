import { column, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { recentSweeps } from './recent-sweeps.ts';

const CALLEES_MAX = 5;

/** The callees with most delegations marked stuck in the last day. */
export function stuckCalleesStatement(tables: SweeperTables) {
  return statement({
    columns: { calleeId: column.text('c.callee_id'), count: column.wholeNumber('c.count') },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT e.callee ->> 'calleeId' AS callee_id, sum((e.callee ->> 'count')::bigint) AS count
  FROM ${recentSweeps(tables)} s, jsonb_array_elements(s.callees) e (callee)
  GROUP BY 1) c
ORDER BY c.count DESC, c.callee_id LIMIT ${CALLEES_MAX}`,
  });
}
