import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';
import { beginning } from './insert.ts';
import { delegationColumns } from './read.ts';

const task = {
  agentUrl: parameter.text,
  tenant: parameter.text,
  taskId: parameter.text,
  contextId: nullable(parameter.text),
  userName: nullable(parameter.text),
  storeState: nullable(parameter.text),
} as const;

/** What was seen of a task. */
export const observation = {
  delegationId: parameter.text,
  step: parameter.text,
  errorDetail: nullable(parameter.text),
  resultPreview: nullable(parameter.text),
  responseBody: nullable(parameter.jsonText),
  reason: nullable(parameter.text),
  waitMs: nullable(parameter.number),
  progress: nullable(parameter.text),
} as const;

const beginOutcomes = ['found', 'inserted', 'duplicate'] as const;
const observeOutcomes = ['changed', 'unchanged', 'refused', 'missing'] as const;

export function beginA2aStatement({ functions }: LedgerTables) {
  return statement({
    parameters: { ...beginning, ...task },
    columns: {
      outcome: column.oneOf(beginOutcomes, 'b.outcome'),
      delegationId: column.text('b.delegation_id'),
      status: column.oneOf(statuses, 'b.status'),
    },
    sql: (columns) => `
SELECT ${columns} FROM ${functions.a2aBegin}($delegationId, $callerId, $calleeId, $taskPreview, $idempotencyKey,
  $deadlineMs, $stuckAfterMs, $stalledAfterMs, $requestBody, $traceparent,
  $agentUrl, $tenant, $taskId, $contextId, $userName, $storeState) b`,
  });
}

export function observeA2aStatement({ functions }: LedgerTables) {
  return statement({
    parameters: {
      ...observation,
      minIntervalMs: parameter.wholeNumber,
      actor: parameter.text,
      ...task,
      agentUrl: nullable(task.agentUrl),
      tenant: nullable(task.tenant),
      taskId: nullable(task.taskId),
      knowsWait: parameter.boolean,
    },
    columns: {
      outcome: column.oneOf(observeOutcomes, 't.outcome'),
      status: nullable(column.oneOf(statuses, 't.status')),
      lateResult: column.boolean('t.late_result'),
      stuckAfterMs: nullable(column.wholeNumber('t.stuck_after_ms')),
      epoch: nullable(column.text('t.epoch')),
    },
    sql: (columns) => `
SELECT ${columns} FROM ${functions.a2aObserve}($delegationId, $step, $errorDetail, $resultPreview, $responseBody, $reason,
  $waitMs, $progress, $minIntervalMs, $actor, $agentUrl, $tenant, $taskId, $contextId, $userName, $storeState,
  $knowsWait) t`,
  });
}

/** SQL: the mapping `t` and its delegation `d` are of this task, and of this caller or callee. */
const ofTask = ({ a2aTasks, delegations }: LedgerTables) => `
FROM ${a2aTasks} t JOIN ${delegations} d ON d.delegation_id = t.delegation_id
WHERE t.agent_url = $agentUrl AND t.tenant = $tenant AND t.task_id = $taskId
  AND ($callerId IS NULL OR d.caller_id = $callerId) AND ($calleeId IS NULL OR d.callee_id = $calleeId)
  AND ($userName IS NULL OR t.user_name = $userName)
ORDER BY ($calleeId IS NOT NULL AND t.store_state IS NULL), t.created_at LIMIT 1`;

const found = {
  agentUrl: task.agentUrl,
  tenant: task.tenant,
  taskId: task.taskId,
  userName: task.userName,
  callerId: nullable(parameter.text),
  calleeId: nullable(parameter.text),
} as const;

export function findA2aStatement(tables: LedgerTables) {
  return statement({
    parameters: found,
    columns: delegationColumns,
    sql: (columns) => `SELECT ${columns}${ofTask(tables)}`,
  });
}

/** Finds it, and ends its wait; what it waited for. */
export function resumeA2aStatement(tables: LedgerTables) {
  return statement({
    parameters: { ...found, actor: parameter.text },
    columns: {
      delegationId: column.text('f.delegation_id'),
      status: nullable(column.oneOf(statuses, 'r.status')),
      outcome: column.text('r.outcome'),
      waitingReason: nullable(column.text('f.waiting_reason')),
    },
    sql: (columns) => `
WITH f AS MATERIALIZED (SELECT d.delegation_id, d.waiting_reason${ofTask(tables)})
SELECT ${columns} FROM f CROSS JOIN LATERAL ${tables.functions.resume}(f.delegation_id, $actor) r`,
  });
}

/** Of these, those that nobody else is dealing with, for so long. */
export function claimA2aStatement({ a2aTasks }: LedgerTables) {
  return statement({
    parameters: { ids: parameter.texts, forMs: parameter.wholeNumber },
    columns: { delegationId: column.text('t.delegation_id') },
    sql: (columns) => `
WITH free AS MATERIALIZED (
  SELECT c.delegation_id FROM ${a2aTasks} c
  WHERE c.delegation_id = ANY($ids) AND c.store_state = 'open'
    AND (c.claimed_until IS NULL OR c.claimed_until < statement_timestamp())
  ORDER BY c.delegation_id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE ${a2aTasks} t SET claimed_until = statement_timestamp() + $forMs * interval '1 millisecond'
FROM free WHERE t.delegation_id = free.delegation_id
RETURNING ${columns}`,
  });
}

/** Those that the agent's store is not known to have ended, in the order of their ids, a page at a time. */
export function openA2aStatement({ a2aTasks, delegations, sweeperThreshold }: LedgerTables) {
  return statement({
    parameters: {
      agentUrl: parameter.text,
      calleeId: nullable(parameter.text),
      after: nullable(parameter.text),
      limit: parameter.wholeNumber,
    },
    columns: {
      ...delegationColumns,
      tenant: column.text('t.tenant'),
      taskId: column.text('t.task_id'),
      contextId: nullable(column.text('t.context_id')),
      userName: nullable(column.text('t.user_name')),
      silentMs: column.wholeNumber(
        'greatest(0, extract(epoch FROM clock_timestamp() - greatest(d.last_heartbeat, d.updated_at)) * 1000)',
      ),
      judgedByMs: nullable(column.wholeNumber('coalesce(d.stuck_after_ms, s.stuck_after_ms)')),
    },
    sql: (columns) => `
SELECT ${columns}
FROM ${a2aTasks} t JOIN ${delegations} d ON d.delegation_id = t.delegation_id
LEFT JOIN ${sweeperThreshold} s ON s.singleton
WHERE t.store_state = 'open' AND t.agent_url = $agentUrl AND t.delegation_id > coalesce($after, '')
  AND ($calleeId IS NULL OR d.callee_id = $calleeId)
ORDER BY t.delegation_id LIMIT $limit`,
  });
}
