import { literal } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { eventTypeOf } from '../../../events/event-types.ts';
import { eventJson } from '../../../ledger/functions/event-json.ts';
import type { SweeperTables } from '../../tables.ts';
import type { Refused } from '../refused.ts';

/** Publishes that a delegation failed, in the transaction that took its agent's answer. No row: nobody subscribes to it. */
export function publishAnswerStatement({ activityLogs, delegations, functions }: SweeperTables) {
  const type = literal(eventTypeOf('delegation.failed'));
  const event = eventJson({
    type,
    id: 'a.activity_id::text',
    source: `${functions.eventSource}()`,
    time: 'a.created_at',
    subject: 'a.delegation_id',
    traceparent: 'd.traceparent',
    data: `jsonb_strip_nulls(jsonb_build_object('callerId', d.caller_id, 'calleeId', d.callee_id, 'rule', 'answered',
      'fromStatus', a.from_status, 'toStatus', a.to_status, 'attempt', d.attempt, 'retryOf', d.retry_of))`,
  });
  return statement({
    parameters: { delegationId: parameter.text },
    columns: {
      refused: nullable(
        column.json<readonly Refused[]>(`${functions.enqueue}(${type}, ARRAY[a.delegation_id], ARRAY[${event}])`),
      ),
    },
    sql: (columns) => `SELECT ${columns}
FROM ${activityLogs} a JOIN ${delegations} d ON d.delegation_id = a.delegation_id
WHERE a.delegation_id = $delegationId AND a.event = 'delegation.failed' AND ${functions.isSubscribed}(${type})
ORDER BY a.activity_id DESC LIMIT 1`,
  });
}
