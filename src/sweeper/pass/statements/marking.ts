import { leftJoined, type RowOf } from '../../../db/column.ts';
import { literal } from '../../../db/literal.ts';
import { column, nullable, parameter } from '../../../db/statement.ts';
import { transitionCtes } from '../../../ledger/statements/transition.ts';
import { statuses } from '../../../ledger/transitions.ts';
import { wholeMsOf } from '../../instant.ts';
import type { SweeperTables } from '../../tables.ts';
import { type Rule, ruleParameters } from '../rules.ts';
import { leaseColumns, leaseId } from './lease-id.ts';

/** A row that was marked, with its evidence. Instants in milliseconds since 1970. */
export type MarkedRow = RowOf<typeof markedColumns>;

const markedColumns = {
  delegationId: column.text('m.delegation_id'),
  callerId: column.text('m.caller_id'),
  calleeId: column.text('m.callee_id'),
  fromStatus: column.oneOf(statuses, 'm.from_status'),
  lastHeartbeatMs: nullable(column.wholeNumber(wholeMsOf('m.last_heartbeat'))),
  deadlineMs: column.wholeNumber(wholeMsOf('m.deadline')),
  latenessMs: column.wholeNumber('m.lateness_ms'),
};

export const markParameters = {
  ...ruleParameters,
  sweepId: parameter.text,
  stuckAfterMs: parameter.number,
  rowsMax: parameter.wholeNumber,
};

/** The answer of a batch: `leaseColumns`, and one row for each that was marked. */
export type MarkAnswer = RowOf<ReturnType<typeof answerColumns>>;

export function isMarked(answer: MarkAnswer): answer is MarkAnswer & MarkedRow {
  return answer.delegationId !== null;
}

export function answerColumns(tables: SweeperTables) {
  return {
    ...leaseColumns(tables),
    /** The server's process of this session, and those of all that were writing delegations at the batch's end. */
    pid: column.wholeNumber('pg_backend_pid()'),
    writers: column.json<readonly number[]>(writers(tables)),
    ...leftJoined(markedColumns),
  };
}

/** Every role may see locks of whole tables, but not what a session is doing. */
function writers({ delegations }: SweeperTables): string {
  return `to_json(ARRAY(SELECT DISTINCT l.pid FROM pg_locks l WHERE l.relation = ${literal(delegations)}::regclass
    AND l.mode = 'RowExclusiveLock' AND l.granted))`;
}

/** SQL: marks what the rule matches among `which`, a condition. */
export function markSql(tables: SweeperTables, rule: Rule, which: string, columns: string): string {
  const detail = `jsonb_build_object('rule', '${rule.name}', 'sweepId', $sweepId, 'lastHeartbeat', m.last_heartbeat,
      'deadline', m.deadline, ${rule.name === 'stale' ? `'stuckAfterMs', $stuckAfterMs::numeric, 'silentMs'` : `'overdueMs'`}, m.lateness_ms)`;
  return `
WITH picked AS MATERIALIZED (
  SELECT d.ctid AS place, d.delegation_id, d.status
  FROM ${tables.delegations} d
  WHERE ${rule.matches}
    AND ${which}
    AND ${leaseId(tables)} = $sweepId
  ORDER BY d.${rule.key}, d.delegation_id LIMIT $rowsMax FOR NO KEY UPDATE SKIP LOCKED),
${transitionCtes(tables, {
  to: rule.to,
  set: { error_detail: rule.errorDetail },
  actor: `'sweeper'`,
  detail,
  // Once locked, a row does not move. One that moved between this statement's snapshot and its lock is not found, and is
  // left for the next sweep.
  by: 'place',
  returning: [
    'd.caller_id',
    'd.callee_id',
    'd.last_heartbeat',
    'd.deadline',
    `${wholeMsOf(rule.lateness)} AS lateness_ms`,
  ],
})}
SELECT ${columns}
FROM (VALUES (1)) one LEFT JOIN moved m ON true`;
}
