import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { entryColumns, entryParameters } from './activity.ts';

/** Results that came too late, oldest first. */
export function lateResultsStatement({ activityLogs }: SweeperTables) {
  return statement({
    parameters: { ...entryParameters, entriesMax: parameter.wholeNumber },
    columns: entryColumns,
    sql: (columns) => `
SELECT ${columns} FROM ${activityLogs} a
WHERE a.delegation_id = $delegationId AND a.event = 'delegation.late_result'
ORDER BY a.activity_id LIMIT $entriesMax`,
  });
}
