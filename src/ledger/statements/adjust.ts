import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

const outcomes = ['adjusted', 'unchanged', 'refused', 'missing'] as const;

/** Null leaves a value unchanged; the flags remove an own threshold. */
export function adjustStatement({ functions }: LedgerTables) {
  return statement({
    parameters: {
      delegationId: parameter.text,
      deadline: nullable(parameter.date),
      deadlineMs: nullable(parameter.number),
      stuckAfterMs: nullable(parameter.wholeNumber),
      stalledAfterMs: nullable(parameter.wholeNumber),
      noStuckAfter: parameter.boolean,
      noStalledAfter: parameter.boolean,
      actor: parameter.text,
    },
    columns: {
      outcome: column.oneOf(outcomes, 'a.outcome'),
      status: nullable(column.oneOf(statuses, 'a.status')),
    },
    sql: (columns) => `
SELECT ${columns} FROM ${functions.adjust}($delegationId, $deadline, $deadlineMs, $stuckAfterMs, $stalledAfterMs,
  $noStuckAfter, $noStalledAfter, $actor) a`,
  });
}
