import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

const outcomes = ['inserted', 'duplicate'] as const;

/**
 * Many at once: one row for each, in order. The parameters are one array for each argument of an insert; null stands for an array
 * of nulls. A holder that was deleted while it was looked for is null.
 */
export function insertManyStatement({ functions }: LedgerTables) {
  return statement({
    parameters: {
      delegationIds: parameter.texts,
      callerIds: parameter.texts,
      calleeIds: parameter.texts,
      taskPreviews: parameter.texts,
      idempotencyKeys: nullable(parameter.list(parameter.text)),
      deadlines: nullable(parameter.list(parameter.date)),
      stuckAfterMs: nullable(parameter.list(parameter.wholeNumber)),
      stalledAfterMs: nullable(parameter.list(parameter.wholeNumber)),
      requestBodies: nullable(parameter.list(parameter.jsonText)),
      deadlinesMs: nullable(parameter.list(parameter.number)),
      traceparents: nullable(parameter.list(parameter.text)),
    },
    columns: {
      outcome: column.oneOf(outcomes, 'i.outcome'),
      delegationId: nullable(column.text('i.delegation_id')),
      status: nullable(column.oneOf(statuses, 'i.status')),
    },
    sql: (columns) => `
SELECT ${columns} FROM ${functions.insertMany}($delegationIds, $callerIds, $calleeIds, $taskPreviews, $idempotencyKeys,
  $deadlines, $stuckAfterMs, $stalledAfterMs, $requestBodies, $deadlinesMs, $traceparents) i ORDER BY i.place`,
  });
}
