import { column, parameter, statement } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';
import { cutoffParameters, isDueActivity, placesOfActivity } from './due.ts';

/**
 * Removes all activity of those of these ids for which it is still due: an id's activity goes as a whole. Of ids that have a
 * row, only those that the transaction has locked by a statement before (lock-delegations.ts): a late result that is being
 * recorded would be left alone, without what came before it. `skipped`: ids with a row that is not locked.
 */
export function removeActivityStatement(tables: LedgerTables) {
  const { delegations, activityLogs } = tables;
  return statement({
    parameters: { ...cutoffParameters, ids: parameter.texts, lockedIds: parameter.texts },
    columns: {
      activity: column.wholeNumber('(SELECT count(*) FROM forgotten)'),
      skipped: column.wholeNumber('(SELECT count(*) FROM judged j WHERE NOT j.is_free)'),
    },
    sql: (columns) => `
WITH judged AS MATERIALIZED (
  SELECT i.delegation_id, d.status IS NULL OR i.delegation_id = ANY ($lockedIds) AS is_free
  FROM unnest($ids) i (delegation_id)
  LEFT JOIN LATERAL (
    SELECT d.status, d.finished_at FROM ${delegations} d WHERE d.delegation_id = i.delegation_id COLLATE "C" OFFSET 0) d ON true
  WHERE ${isDueActivity(tables, 'i.delegation_id COLLATE "C"', 'd')}),
due AS MATERIALIZED (SELECT j.delegation_id FROM judged j WHERE j.is_free),
forgotten AS (
  DELETE FROM ${activityLogs} a WHERE a.ctid = ANY (ARRAY(${placesOfActivity(tables, 'due')})) RETURNING 1)
SELECT ${columns}`,
  });
}
