import { column, parameter, statement } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';
import { cutoffParameters, isDueDelegation, placesOfActivity } from './due.ts';

/**
 * Removes those of these delegations that are still due, with their activity, in the order of their ids. A row that another
 * session has locked stays: an agent may be reporting a late result, which is then recorded before the row can go.
 *
 * A result that is recorded after this statement has begun, and before it has the row's lock, is not seen here: it stays,
 * as that of an id without a row.
 */
export function removeDelegationsStatement(tables: LedgerTables) {
  const { delegations, activityLogs } = tables;
  return statement({
    parameters: { ...cutoffParameters, ids: parameter.texts },
    columns: {
      delegations: column.wholeNumber('(SELECT count(*) FROM removed)'),
      activity: column.wholeNumber('(SELECT count(*) FROM forgotten)'),
    },
    sql: (columns) => `
WITH p AS MATERIALIZED (
  SELECT d.ctid AS place, d.delegation_id FROM ${delegations} d
  WHERE d.delegation_id = ANY ($ids) AND ${isDueDelegation(tables, 'd')}
  ORDER BY d.delegation_id FOR UPDATE SKIP LOCKED),
removed AS (
  DELETE FROM ${delegations} d USING p WHERE d.ctid = p.place RETURNING 1),
forgotten AS (
  DELETE FROM ${activityLogs} a WHERE $withRow AND a.ctid = ANY (ARRAY(${placesOfActivity(tables, 'p')})) RETURNING 1)
SELECT ${columns}`,
  });
}
