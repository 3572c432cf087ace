import type { Columns } from '../../../db/column.ts';
import { literal } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';
import type { Status } from '../../../ledger/transitions.ts';
import { cutoffParameters, isDueDelegation } from './due.ts';

const endOfPage = {
  /** Rows that the page has: fewer than asked for where it is the last one. */
  read: column.wholeNumber('count(*)'),
  lastUs: nullable(column.micros('max(p.created_at)')),
  lastId: nullable(
    column.text('(SELECT e.delegation_id FROM page e ORDER BY e.created_at DESC, e.delegation_id DESC LIMIT 1)'),
  ),
};

/**
 * A page of the delegations with this terminal status, the oldest first, and which of them are due. What ended before an
 * instant was created before it: the index delegations_by_status serves, in which open ones are not met.
 */
function pageStatement<C extends Columns>(tables: LedgerTables, status: Status, due: C, perRow: string) {
  return statement({
    parameters: {
      ...cutoffParameters,
      afterUs: parameter.micros,
      afterId: parameter.text,
      rowsMax: parameter.wholeNumber,
    },
    columns: { ...endOfPage, ...due },
    sql: (columns) => `
WITH page AS MATERIALIZED (
  SELECT d.delegation_id, d.status, d.created_at, d.finished_at FROM ${tables.delegations} d
  WHERE d.status COLLATE "C" = ${literal(status)} AND (d.created_at, d.delegation_id) > ($afterUs, $afterId)
    AND d.created_at < $delegationsBefore
  ORDER BY d.created_at, d.delegation_id LIMIT $rowsMax)
SELECT ${columns}
FROM (
  SELECT d.*, ${perRow} FROM (SELECT d.*, ${isDueDelegation(tables, 'd')} AS is_due FROM page d) d) p`,
  });
}

/** The ids that are due. */
export function dueDelegationsStatement(tables: LedgerTables, status: Status) {
  const ids = column.json<readonly string[]>(`coalesce(json_agg(p.delegation_id) FILTER (WHERE p.is_due), '[]')`);
  return pageStatement(tables, status, { ids }, 'true AS listed');
}

/** How many are due, and the activities that go with them. */
export function countDelegationsStatement(tables: LedgerTables, status: Status) {
  const counts = {
    delegations: column.wholeNumber('count(*) FILTER (WHERE p.is_due)'),
    activity: column.wholeNumber('coalesce(sum(p.activity), 0)'),
  };
  const activity = `CASE WHEN d.is_due AND $withRow THEN (
      SELECT count(*) FROM ${tables.activityLogs} a WHERE a.delegation_id = d.delegation_id) END AS activity`;
  return pageStatement(tables, status, counts, activity);
}
