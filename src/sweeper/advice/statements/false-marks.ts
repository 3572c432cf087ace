import { literal } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { isFalseMark } from '../../false-mark.ts';
import type { SweeperTables } from '../../tables.ts';
import { windowStart } from './window.ts';

/** Late results that are looked at, the newest: each costs a probe of two indexes. */
const LATE_RESULTS_MAX = 10_000;

/**
 * The marks for silence of the window whose delegation still delivered a result: since when it was silent, and when the
 * result came. Only of delegations that are still in the ledger.
 */
export function falseMarksStatement({ activityLogs, delegations, adviceState }: SweeperTables) {
  return statement({
    parameters: { calleeId: nullable(parameter.text) },
    columns: {
      calleeId: column.text('d.callee_id'),
      heardUs: column.micros(`m.created_at - (m.detail ->> 'silentMs')::float8 * interval '1 millisecond'`),
      lateUs: column.micros('late.at'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT a.delegation_id, min(a.created_at) AS at FROM (
    SELECT * FROM ${activityLogs} a WHERE a.created_at >= ${windowStart} AND ${isFalseMark}
    ORDER BY a.created_at DESC LIMIT ${LATE_RESULTS_MAX}) a
  GROUP BY a.delegation_id) late
CROSS JOIN LATERAL (SELECT * FROM ${delegations} d WHERE d.delegation_id = late.delegation_id LIMIT 1) d
CROSS JOIN LATERAL (
  SELECT * FROM ${activityLogs} m WHERE m.delegation_id = late.delegation_id AND m.to_status = ${literal('stuck')}
  ORDER BY m.activity_id DESC LIMIT 1) m
WHERE m.detail ->> 'rule' = ${literal('stale')} AND m.detail ? 'silentMs'
  AND m.created_at >= (SELECT greatest(since, ${windowStart}) FROM ${adviceState} WHERE singleton)
  AND ($calleeId IS NULL OR d.callee_id = $calleeId)`,
  });
}
