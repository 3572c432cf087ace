import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { entryColumns, entryParameters } from './activity.ts';

/**
 * Results that came too late, oldest first. `||` and OFFSET keep the planner to the activity of this one delegation, as in
 * src/ledger/late-result.ts.
 */
export function lateResultsStatement({ activityLogs }: SweeperTables) {
  return statement({
    parameters: { ...entryParameters, entriesMax: parameter.wholeNumber },
    columns: entryColumns,
    sql: (columns) => `
SELECT ${columns} FROM (
  SELECT * FROM ${activityLogs} l
  WHERE l.delegation_id = $delegationId AND l.event || '' = 'delegation.late_result' OFFSET 0) a
ORDER BY a.activity_id LIMIT $entriesMax`,
  });
}
