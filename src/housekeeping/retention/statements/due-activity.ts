import type { Columns } from '../../../db/column.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';
import { cutoffParameters, isDueActivity, isDueDelegation } from './due.ts';

const endOfPage = {
  /** Rows that the page has: fewer than asked for where it is the last one. */
  read: column.wholeNumber('count(*)'),
  /** Those that are old enough. Ids grow with time, so that where there are none, none follow. */
  old: column.wholeNumber('count(*) FILTER (WHERE p.created_at < $activityBefore)'),
  lastId: nullable(column.wholeNumber('max(p.activity_id)')),
};

/** A page of the activity, the oldest first, and of which ids it is due. */
function pageStatement<C extends Columns>(tables: LedgerTables, due: C, isDue: string) {
  return statement({
    parameters: { ...cutoffParameters, afterId: parameter.wholeNumber, rowsMax: parameter.wholeNumber },
    columns: { ...endOfPage, ...due },
    sql: (columns) => `
WITH page AS MATERIALIZED (
  SELECT a.activity_id, a.delegation_id, a.created_at FROM ${tables.activityLogs} a
  WHERE a.activity_id > $afterId ORDER BY a.activity_id LIMIT $rowsMax),
judged AS MATERIALIZED (
  SELECT i.delegation_id, ${isDue} AS is_due
  FROM (SELECT DISTINCT delegation_id FROM page WHERE created_at < $activityBefore) i
  LEFT JOIN LATERAL (
    SELECT d.delegation_id, d.status, d.finished_at FROM ${tables.delegations} d
    WHERE d.delegation_id = i.delegation_id OFFSET 0) d ON true)
SELECT ${columns}
FROM page p`,
  });
}

/** The ids whose activity is due. */
export function dueActivityStatement(tables: LedgerTables) {
  const ids = column.json<readonly string[]>(
    `(SELECT coalesce(json_agg(j.delegation_id), '[]') FROM judged j WHERE j.is_due)`,
  );
  return pageStatement(tables, { ids }, isDueActivity(tables, 'i.delegation_id', 'd'));
}

/** How many activities are due, without those that go with their row. */
export function countActivityStatement(tables: LedgerTables) {
  const activity = column.wholeNumber(
    '(SELECT count(*) FROM page a JOIN judged j ON j.delegation_id = a.delegation_id WHERE j.is_due)',
  );
  const isDue = `${isDueActivity(tables, 'i.delegation_id', 'd')}
    AND ($withRow AND ${isDueDelegation(tables, 'd')}) IS NOT TRUE`;
  return pageStatement(tables, { activity }, isDue);
}
