import { column, nullable, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

/** Open delegations by deadline, and activities, newest first, that are looked at. */
const ROWS_MAX = 1_000;
const SHOWN_MAX = 5;

/** Delegations whose status is not that of their last transition in the activity, among a sample. */
export function asymmetriesStatement({ delegations, activityLogs }: SweeperTables) {
  return statement({
    columns: {
      delegationId: column.text('w.delegation_id'),
      status: column.text('w.status'),
      /** Null: there is no transition. */
      last: nullable(column.text('w.last')),
      found: column.wholeNumber('count(*) OVER ()'),
    },
    sql: (columns) => `
WITH sampled AS MATERIALIZED (
  SELECT delegation_id FROM (
    SELECT d.delegation_id FROM ${delegations} d WHERE d.finished_at IS NULL
    ORDER BY d.deadline, d.delegation_id LIMIT ${ROWS_MAX}) open
  UNION
  SELECT delegation_id FROM (
    SELECT a.delegation_id FROM ${activityLogs} a ORDER BY a.activity_id DESC LIMIT ${ROWS_MAX}) recent)
SELECT ${columns}
FROM (
  SELECT d.delegation_id, d.status, (
    SELECT a.to_status FROM ${activityLogs} a
    WHERE a.delegation_id = d.delegation_id AND a.to_status IS NOT NULL ORDER BY a.activity_id DESC LIMIT 1) AS last
  FROM sampled s JOIN LATERAL (
    SELECT * FROM ${delegations} d WHERE d.delegation_id = s.delegation_id OFFSET 0) d ON true) w
WHERE w.status IS DISTINCT FROM w.last ORDER BY w.delegation_id LIMIT ${SHOWN_MAX}`,
  });
}
