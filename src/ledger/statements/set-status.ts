import { isOneOf, literal, Statement } from '../../db/positional-statement.ts';
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

const hasPayload = '($2::text IS NOT NULL OR $5::jsonb IS NOT NULL)';

/**
 * One compare-and-set with its activity row, in one statement: lock, judge, move, record. Whether the same end again
 * brings anything new is asked by `repetitionStatement`.
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
  const others = statuses.filter((from) => from !== to);
  const lateFrom = (hasNewPayload: boolean) =>
    isOneOf(
      'p.status',
      others.filter((from) => isLateResult(from, to, hasNewPayload)),
    );
  const isLate = `(${lateFrom(false)} OR (${lateFrom(true)} AND ${hasPayload}))`;
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
late AS (${attempt('delegation.late_result', '(SELECT status FROM picked)', `EXISTS (SELECT FROM picked p WHERE ${isLate})`)}),
orphan AS (${attempt('delegation.orphan_update', 'NULL::text', 'NOT EXISTS (SELECT FROM picked)')})
SELECT p.status AS "from", EXISTS (SELECT FROM moved) AS "moved", ${isLate} AS "lateResult"
FROM picked p`);
}

/**
 * The same end again, said with a detail or a body: recorded as a late result where the row's detail or the body of its
 * transition is another one. A statement of its own: to one that waited for the row's lock, the activity of the rival that
 * it waited for is invisible, and the result that both sent would look new. Needs no lock: neither ever changes.
 * Parameters: $1 id, $2 the detail column's text, $3 actor, $4 response body, $5 activity detail of the attempt.
 */
export function repetitionStatement(tables: LedgerTables, to: Status): Statement<{ lateResult: boolean }> {
  return new Statement(`
WITH judged AS MATERIALIZED (
  SELECT ($2::text IS NOT NULL AND $2::text IS DISTINCT FROM (
      SELECT ${detailColumnOf(to)} FROM ${tables.delegations} WHERE delegation_id = $1))
    OR ($4::jsonb IS NOT NULL AND $4::jsonb IS DISTINCT FROM (
      SELECT response_body FROM ${tables.activityLogs} WHERE delegation_id = $1 AND to_status = ${literal(to)}
      ORDER BY activity_id DESC LIMIT 1)) AS "lateResult"),
late AS (
  INSERT INTO ${tables.activityLogs} (delegation_id, event, from_status, actor, detail, response_body)
  SELECT $1, 'delegation.late_result', ${literal(to)}, $3, $5::jsonb, $4::jsonb FROM judged WHERE "lateResult"
  ON CONFLICT DO NOTHING)
SELECT "lateResult" FROM judged`);
}
