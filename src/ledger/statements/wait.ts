import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

const waitOutcomes = ['waiting', 'unchanged', 'refused', 'missing'] as const;
const resumeOutcomes = ['resumed', 'unchanged', 'refused', 'missing'] as const;

/** Until an instant, or for so many milliseconds. */
export function waitStatement({ functions }: LedgerTables) {
  return statement({
    parameters: {
      delegationId: parameter.text,
      until: nullable(parameter.date),
      untilMs: nullable(parameter.number),
      reason: parameter.text,
      actor: parameter.text,
    },
    columns: {
      outcome: column.oneOf(waitOutcomes, 'w.outcome'),
      status: nullable(column.oneOf(statuses, 'w.status')),
      waitingUntil: nullable(column.instant('w.waiting_until')),
    },
    sql: (columns) => `
SELECT ${columns} FROM ${functions.wait}($delegationId, $until, $reason, $actor, $untilMs) w`,
  });
}

export function resumeStatement({ functions }: LedgerTables) {
  return statement({
    parameters: { delegationId: parameter.text, actor: parameter.text },
    columns: {
      outcome: column.oneOf(resumeOutcomes, 'r.outcome'),
      status: nullable(column.oneOf(statuses, 'r.status')),
      stuckAfterMs: nullable(column.wholeNumber('r.stuck_after_ms')),
    },
    sql: (columns) => `SELECT ${columns} FROM ${functions.resume}($delegationId, $actor) r`,
  });
}
