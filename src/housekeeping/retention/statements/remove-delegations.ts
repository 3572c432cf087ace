import { column, parameter, statement } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';
import { cutoffParameters, isDueDelegation, placesOfActivity } from './due.ts';

/**
 * Removes those of these delegations that are still due, with their activity: that of the rows which it has deleted, and of
 * no other. The transaction has locked them by a statement before (lock-delegations.ts).
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
WITH removed AS (
  DELETE FROM ${delegations} d WHERE d.delegation_id = ANY ($ids) AND ${isDueDelegation(tables, 'd')}
  RETURNING d.delegation_id),
forgotten AS (
  DELETE FROM ${activityLogs} a WHERE $withRow AND a.ctid = ANY (ARRAY(${placesOfActivity(tables, 'removed')})) RETURNING 1)
SELECT ${columns}`,
  });
}
