import { column, parameter, statement } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';
import { cutoffParameters, isDueActivity, placesOfActivity } from './due.ts';

/** Removes all activity of those of these ids for which it is still due: an id's activity goes as a whole. */
export function removeActivityStatement(tables: LedgerTables) {
  const { delegations, activityLogs } = tables;
  return statement({
    parameters: { ...cutoffParameters, ids: parameter.texts },
    columns: { activity: column.wholeNumber('count(*)') },
    sql: (columns) => `
WITH due AS MATERIALIZED (
  SELECT i.delegation_id FROM unnest($ids) i (delegation_id)
  LEFT JOIN LATERAL (
    SELECT d.status, d.finished_at FROM ${delegations} d WHERE d.delegation_id = i.delegation_id COLLATE "C" OFFSET 0) d ON true
  WHERE ${isDueActivity(tables, 'i.delegation_id COLLATE "C"', 'd')}),
forgotten AS (
  DELETE FROM ${activityLogs} a WHERE a.ctid = ANY (ARRAY(${placesOfActivity(tables, 'due')})) RETURNING 1)
SELECT ${columns} FROM forgotten`,
  });
}
