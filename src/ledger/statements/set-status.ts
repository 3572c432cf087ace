import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

const outcomes = ['changed', 'unchanged', 'refused', 'missing'] as const;

/** One guarded transition with its activity. `lateResult`: the payload was recorded as a late result. */
export function setStatusStatement({ functions }: LedgerTables) {
  return statement({
    parameters: {
      delegationId: parameter.text,
      to: parameter.text,
      errorDetail: nullable(parameter.text),
      resultPreview: nullable(parameter.text),
      responseBody: nullable(parameter.jsonText),
      actor: parameter.text,
    },
    columns: {
      outcome: column.oneOf(outcomes, 's.outcome'),
      from: nullable(column.oneOf(statuses, 's.from_status')),
      lateResult: column.boolean('s.late_result'),
    },
    sql: (columns) => `
SELECT ${columns} FROM ${functions.setStatus}($delegationId, $to, $errorDetail, $resultPreview, $responseBody, $actor) s`,
  });
}
