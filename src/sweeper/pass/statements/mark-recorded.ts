import { column, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Whether the activity of a sweep's mark of this row is there. */
export function markRecordedStatement({ activityLogs }: SweeperTables) {
  return statement({
    parameters: { delegationId: parameter.text, sweepId: parameter.text },
    columns: {
      isRecorded: column.boolean(`EXISTS (SELECT FROM ${activityLogs}
  WHERE delegation_id = $delegationId AND actor = 'sweeper' AND detail ->> 'sweepId' = $sweepId)`),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}
