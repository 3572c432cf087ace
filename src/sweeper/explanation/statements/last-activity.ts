import { isOneOf } from '../../../db/literal.ts';
import { statement } from '../../../db/statement.ts';
import type { ActivityEvent } from '../../../ledger/activity.ts';
import { terminalStatuses } from '../../../ledger/transitions.ts';
import type { SweeperTables } from '../../tables.ts';
import { entryColumns, entryParameters } from './activity.ts';

/** The last activity that ended the delegation. */
export function endStatement(tables: SweeperTables) {
  return lastWhere(tables, isOneOf('a.to_status', terminalStatuses));
}

/** The last activity with this event. */
export function lastOfStatement(tables: SweeperTables, event: ActivityEvent) {
  return lastWhere(tables, isOneOf('a.event', [event]));
}

function lastWhere({ activityLogs }: SweeperTables, which: string) {
  return statement({
    parameters: entryParameters,
    columns: entryColumns,
    sql: (columns) => `
SELECT ${columns} FROM ${activityLogs} a WHERE a.delegation_id = $delegationId AND ${which}
ORDER BY a.activity_id DESC LIMIT 1`,
  });
}
