import { leftJoined, type RowOf } from '../../../db/column.ts';
import { literal } from '../../../db/literal.ts';
import { column, nullable, parameter } from '../../../db/statement.ts';
import { eventTypeOf } from '../../../events/event-types.ts';
import { eventJson, optional } from '../../../ledger/functions/event-json.ts';
import { transitionCtes } from '../../../ledger/statements/transition.ts';
import { statuses } from '../../../ledger/transitions.ts';
import { STEP_MIN_US } from '../../horizon.ts';
import { instantMsOf, wholeMsOf } from '../../instant.ts';
import type { Refused } from '../../publishing/refused.ts';
import type { SweeperTables } from '../../tables.ts';
import type { ProbeEvidence } from '../probe-evidence.ts';
import { type Rule, type RuleName, ruleParameters } from '../rules.ts';
import { forceParameter, heldColumns, isRuleHeld } from './held-rule.ts';
import { leaseColumns, leaseId } from './lease-id.ts';
import { retries, retryOf } from './retried.ts';

/** A row that was marked, with its evidence. Instants in milliseconds since 1970. */
export type MarkedRow = RowOf<typeof markedColumns>;

const markedColumns = {
  delegationId: column.text('m.delegation_id'),
  callerId: column.text('m.caller_id'),
  calleeId: column.text('m.callee_id'),
  fromStatus: column.oneOf(statuses, 'm.from_status'),
  /** Of whoever delegated; null where it was not traced. */
  traceparent: nullable(column.text('m.traceparent')),
  lastHeartbeatMs: nullable(column.wholeNumber(instantMsOf('m.last_heartbeat'))),
  deadlineMs: column.wholeNumber(instantMsOf('m.deadline')),
  latenessMs: column.wholeNumber('m.lateness_ms'),
  /** Since it came to match the rule, in observed time. */
  dueForMs: column.wholeNumber('m.due_for_ms'),
  /** The silence that was allowed to it; null where silence was not judged. */
  thresholdMs: nullable(column.wholeNumber('m.threshold_ms')),
  progress: nullable(column.text('m.progress')),
  progressAtMs: nullable(column.wholeNumber(instantMsOf('m.progress_at'))),
  stalledAfterMs: nullable(column.wholeNumber('m.stalled_after_ms')),
  /** Why its agent, which was asked, could not help it; null where none was asked. */
  probe: nullable(column.json<ProbeEvidence>('m.probe')),
  /** The delegation that tries it again; null where none does. */
  retriedAs: nullable(column.text('m.retried_as')),
};

export const markParameters = {
  ...ruleParameters,
  ...forceParameter,
  sweepId: parameter.text,
  rowsMax: parameter.wholeNumber,
};

/** The answer of a batch: `leaseColumns`, and one row for each that was marked. */
export type MarkAnswer = RowOf<ReturnType<typeof answerColumns>>;

export function isMarked(answer: MarkAnswer): answer is MarkAnswer & MarkedRow {
  return answer.delegationId !== null;
}

export function answerColumns(tables: SweeperTables, rule: Rule) {
  return {
    ...leaseColumns(tables),
    ...heldColumns(tables, rule),
    /** The server's process of this session, and those of all that were writing delegations at the batch's end. */
    pid: column.wholeNumber('pg_backend_pid()'),
    writers: column.json<readonly number[]>(writers(tables)),
    /** The queues that did not take the events of these marks. */
    refused: nullable(column.json<readonly Refused[]>('(SELECT e.refused FROM published e)')),
    ...leftJoined(markedColumns),
  };
}

/** Every role may see locks of whole tables, but not what a session is doing. */
function writers({ delegations }: SweeperTables): string {
  return `to_json(ARRAY(SELECT DISTINCT l.pid FROM pg_locks l WHERE l.relation = ${literal(delegations)}::regclass
    AND l.mode = 'RowExclusiveLock' AND l.granted))`;
}

/** SQL: the evidence of each rule, for the activity's detail, over a moved row `m`. */
const evidence: Readonly<Record<RuleName, string>> = {
  overdue: `'overdueMs', m.lateness_ms`,
  stale: `'stuckAfterMs', m.threshold_ms::numeric, 'silentMs', m.lateness_ms`,
  stalled: `'stalledAfterMs', m.stalled_after_ms, 'silentMs', m.lateness_ms, 'progress', m.progress, 'progressAt', m.progress_at`,
};

/**
 * SQL: the clock was not set back since the sweep read it. What is heard while it is behind is stamped with instants that lie
 * before the sweep's horizon.
 */
const isClockSteady = `clock_timestamp() >= $now - interval '${STEP_MIN_US} microseconds'`;

/** What a wait has left is taken away, by the guard in the database as well. */
const waitEnded = { waiting_since: 'NULL', waiting_until: 'NULL', waiting_reason: 'NULL' };

export interface Marking {
  readonly rule: Rule;
  /** A condition: which of the rows that match. */
  readonly which: string;
  /** What came of asking the agent, as jsonb. Default: none was asked. */
  readonly probe?: string;
  /** How often the same work is tried again, in the statement that marks it stuck. 0: never. */
  readonly retriesMax: number;
}

/** SQL: marks what the rule matches among `which`. In the model: mark_snapshot, mark_lock. */
export function markSql(
  tables: SweeperTables,
  { rule, which, probe = 'NULL::jsonb', retriesMax }: Marking,
  columns: string,
): string {
  const { text, withSeconds } = rule.errorDetail;
  const errorDetail = withSeconds ? `${literal(text)} || p.lateness_ms / 1000 || 's'` : literal(text);
  const retrying = retries(rule, retriesMax);
  return `
-- A row that moved between this statement's snapshot and its lock is not found by its place, and left for the next sweep.
WITH picked AS MATERIALIZED (
  SELECT d.ctid AS place, d.delegation_id, d.status, ${wholeMsOf(rule.lateness)} AS lateness_ms,
    ${wholeMsOf(rule.dueFor)} AS due_for_ms, ${rule.thresholdMs} AS threshold_ms
  FROM ${tables.delegations} d
  WHERE ${rule.matches}
    AND ${which}
    AND ${leaseId(tables)} = $sweepId AND NOT ${isRuleHeld(tables, rule)} AND ${isClockSteady}
  ORDER BY d.${rule.key}, d.delegation_id LIMIT $rowsMax FOR NO KEY UPDATE SKIP LOCKED),
${transitionCtes(tables, {
  to: rule.to,
  set: { error_detail: errorDetail, ...(rule.key !== 'heartbeat_bucket' && waitEnded) },
  actor: `'sweeper'`,
  detail: `jsonb_build_object('rule', '${rule.name}', 'sweepId', $sweepId, 'lastHeartbeat', m.last_heartbeat,
      'deadline', m.deadline, ${evidence[rule.name]}) || ${optional('probe', 'm.probe')}${
        retrying ? ` || ${optional('retriedAs', 'm.retried_as')}` : ''
      }`,
  returning: [
    'd.caller_id',
    'd.callee_id',
    'd.traceparent',
    'd.last_heartbeat',
    'd.deadline',
    'd.progress',
    'd.progress_at',
    'd.stalled_after_ms',
    'd.attempt',
    'd.retry_of',
    'p.lateness_ms',
    'p.due_for_ms',
    'p.threshold_ms',
    `${probe} AS probe`,
    `${retrying ? retryOf(tables, retriesMax) : 'NULL::text'} AS retried_as`,
  ],
})},
${publishedCte(tables, rule)}
SELECT ${columns}
FROM (VALUES (1)) one LEFT JOIN moved m ON true`;
}

/**
 * SQL: publishes the events of what `moved`, where somebody subscribes to them. Otherwise not one of them is made: the
 * condition is a filter that is evaluated once. A queue that refuses them raises nothing. A full join, though each row has its
 * activity: the planner expects one row of a CTE, and would compare each with each.
 */
function publishedCte({ functions }: SweeperTables, { name, to }: Rule): string {
  const type = literal(eventTypeOf(`delegation.${to}`));
  // What an agent says of its progress stays here.
  const detail = name === 'stalled' ? `(r.detail - 'progress')` : 'r.detail';
  const data = `${detail} || jsonb_build_object('callerId', m.caller_id, 'calleeId', m.callee_id,
      'fromStatus', m.from_status, 'toStatus', ${literal(to)}, 'attempt', m.attempt)
      || ${optional('retryOf', 'm.retry_of')} || ${optional('probe', 'jsonb_strip_nulls(m.probe)')}`;
  const event = eventJson({
    type,
    id: 'r.activity_id::text',
    source: `(SELECT ${functions.eventSource}())`,
    time: 'r.created_at',
    subject: 'm.delegation_id',
    traceparent: 'm.traceparent',
    // The evidence about silence has no value that is NULL.
    data: name === 'stale' ? `(${data})` : `jsonb_strip_nulls(${data})`,
  });
  return `published AS MATERIALIZED (
  SELECT ${functions.enqueue}(${type}, array_agg(e.key), array_agg(e.event)) AS refused
  FROM (
    SELECT m.delegation_id AS key, ${event} AS event
    FROM moved m FULL JOIN recorded r ON r.delegation_id = m.delegation_id
    WHERE (SELECT ${functions.isSubscribed}(${type}))
    ORDER BY r.activity_id) e
  HAVING count(*) > 0)`;
}
