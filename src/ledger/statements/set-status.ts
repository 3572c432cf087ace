import { isOneOf, literal, Statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { isLateResult, type Status, statuses } from '../transitions.ts';
import { transitionCtes } from './transition.ts';

export interface SetStatusRow {
  /** The status found under the row's lock. */
  from: Status;
  moved: boolean;
  lateResult: boolean;
}

/** The one column that goes with each status: what the caller may say about it. */
export function detailColumnOf(status: Status): 'error_detail' | 'result_preview' | null {
  if (status === 'failed' || status === 'stuck') return 'error_detail';
  return status === 'completed' ? 'result_preview' : null;
}

/**
 * One compare-and-set with its activity row, in one statement: lock, judge, move, record.
 * Parameters: $1 id, $2 the detail column's text, $3 actor, $4 activity detail, $5 response body,
 * $6 activity detail of an attempt that was not a transition. No row: the delegation is missing, and that is recorded.
 */
export function setStatusStatement(tables: LedgerTables, to: Status): Statement<SetStatusRow> {
  const column = detailColumnOf(to);
  const attempt = (event: string, from: string, where: string) => `
  INSERT INTO ${tables.activityLogs} (delegation_id, event, from_status, actor, detail, response_body)
  SELECT $1, ${literal(event)}, ${from}, $3, $6::jsonb, $5::jsonb
  WHERE ${where}
  ON CONFLICT DO NOTHING`;
  const lateFrom = isOneOf(
    'p.status',
    statuses.filter((from) => isLateResult(from, to)),
  );
  const filled = column
    ? `
filled AS (
  UPDATE ${tables.delegations} d SET ${column} = $2::text FROM picked p
  WHERE d.delegation_id = p.delegation_id AND p.status = ${literal(to)} AND p.detail IS NULL AND $2 IS NOT NULL),`
    : '';
  return new Statement(`
WITH picked AS MATERIALIZED (
  SELECT delegation_id, status, ${column ?? '$2::text'} AS detail
  FROM ${tables.delegations} WHERE delegation_id = $1 FOR NO KEY UPDATE),
${transitionCtes(tables, {
  to,
  ...(column && { set: { [column]: '$2::text' } }),
  actor: '$3::text',
  detail: '$4::jsonb',
  responseBody: '$5::jsonb',
})},
${filled}
late AS (${attempt('delegation.late_result', '(SELECT status FROM picked)', `EXISTS (SELECT FROM picked p WHERE ${lateFrom})`)}),
orphan AS (${attempt('delegation.orphan_update', 'NULL::text', 'NOT EXISTS (SELECT FROM picked)')})
SELECT p.status AS "from", EXISTS (SELECT FROM moved) AS "moved", ${lateFrom} AS "lateResult"
FROM picked p`);
}
