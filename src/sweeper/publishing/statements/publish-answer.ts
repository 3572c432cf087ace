import { literal } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { eventTypeOf } from '../../../events/event-types.ts';
import type { SweeperTables } from '../../tables.ts';
import type { Refused } from '../refused.ts';

/** Publishes that a delegation failed, in the transaction that took its agent's answer. No row: nobody subscribes to it. */
export function publishAnswerStatement({ activityLogs, functions }: SweeperTables) {
  const ended = `ARRAY(SELECT a.activity_id FROM ${activityLogs} a
    WHERE a.delegation_id = $delegationId AND a.event = 'delegation.failed' ORDER BY a.activity_id DESC LIMIT 1)`;
  return statement({
    parameters: { delegationId: parameter.text },
    columns: { refused: nullable(column.json<readonly Refused[]>(`${functions.publish}(${ended})`)) },
    sql: (columns) => `SELECT ${columns} WHERE ${functions.isSubscribed}(${literal(eventTypeOf('delegation.failed'))})`,
  });
}
