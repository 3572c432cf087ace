import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

const outcomes = ['inserted', 'duplicate'] as const;

/** What a delegation begins with, but for an instant as its deadline. */
export const beginning = {
  delegationId: parameter.text,
  callerId: parameter.text,
  calleeId: parameter.text,
  taskPreview: parameter.text,
  idempotencyKey: nullable(parameter.text),
  deadlineMs: nullable(parameter.number),
  stuckAfterMs: nullable(parameter.wholeNumber),
  stalledAfterMs: nullable(parameter.wholeNumber),
  requestBody: nullable(parameter.jsonText),
  traceparent: nullable(parameter.text),
} as const;

/** The row and its first activity, or who holds the id or the caller's idempotency key. */
export function insertStatement({ functions }: LedgerTables) {
  return statement({
    parameters: { ...beginning, deadline: nullable(parameter.date) },
    columns: {
      outcome: column.oneOf(outcomes, 'i.outcome'),
      delegationId: column.text('i.delegation_id'),
      status: column.oneOf(statuses, 'i.status'),
    },
    sql: (columns) => `
SELECT ${columns} FROM ${functions.insert}($delegationId, $callerId, $calleeId, $taskPreview, $idempotencyKey, $deadline,
  $stuckAfterMs, $stalledAfterMs, $requestBody, $deadlineMs, $traceparent) i`,
  });
}
