import { column, parameter, statement } from '../../../db/statement.ts';
import { UNHEALABLE } from '../../../ledger/unhealable.ts';
import type { ReconcilerTables } from '../tables.ts';

/** Of these, those that no run has reported; from now on they count as reported, as long as their activity is there. */
export function claimUnhealableStatement({ notices }: ReconcilerTables) {
  return statement({
    parameters: { ids: parameter.texts },
    columns: { delegationId: column.text('subject') },
    sql: (columns) => `
INSERT INTO ${notices} (kind, subject, noticed_at)
SELECT '${UNHEALABLE}', id, clock_timestamp() FROM unnest($ids) id ORDER BY id
ON CONFLICT (kind, subject) DO NOTHING
RETURNING ${columns}`,
  });
}

/** Forgets those whose activity was removed, or whose delegation was recorded after all. */
export function forgetUnhealableStatement({ notices, activityLogs, delegations }: ReconcilerTables) {
  return statement({
    sql: `
DELETE FROM ${notices} n
WHERE n.kind = '${UNHEALABLE}' AND (
  NOT EXISTS (SELECT FROM ${activityLogs} a WHERE a.delegation_id = n.subject COLLATE "C")
  OR EXISTS (SELECT FROM ${delegations} d WHERE d.delegation_id = n.subject COLLATE "C"))`,
  });
}
