import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

export const retryOutcomes = ['inserted', 'duplicate', 'refused', 'missing'] as const;

/** Of a row `r` of delegation_retry. */
export const retryColumns = {
  outcome: column.oneOf(retryOutcomes, 'r.outcome'),
  delegationId: nullable(column.text('r.delegation_id')),
  attempt: nullable(column.wholeNumber('r.attempt')),
  status: nullable(column.oneOf(statuses, 'r.status')),
  lateResult: column.boolean('coalesce(r.late_result, false)'),
};

export function retryStatement({ functions }: LedgerTables) {
  return statement({
    parameters: {
      delegationId: parameter.text,
      newId: nullable(parameter.text),
      deadlineMs: nullable(parameter.number),
      startAfterMs: nullable(parameter.number),
      actor: parameter.text,
    },
    columns: retryColumns,
    sql: (columns) => `
SELECT ${columns} FROM ${functions.retry}($delegationId, $newId, $deadlineMs, $actor, $startAfterMs) r`,
  });
}
