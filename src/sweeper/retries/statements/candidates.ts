import type { RowOf } from '../../../db/column.ts';
import { isOneOf } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { retriableStatuses } from '../../../ledger/functions/retry.ts';
import { hasLateResult } from '../../../ledger/late-result.ts';
import { statuses } from '../../../ledger/transitions.ts';
import type { SweeperTables } from '../../tables.ts';

/** Of the id `c.delegation_id` and the delegation `d`, which may be missing. */
const columnsOf = ({ delegations, activityLogs }: SweeperTables) => ({
  delegationId: column.text('c.delegation_id'),
  status: nullable(column.oneOf(statuses, 'd.status')),
  attempt: nullable(column.wholeNumber('d.attempt')),
  /** The delegation that tries it again already. */
  retriedAs: nullable(column.text(`(SELECT r.delegation_id FROM ${delegations} r WHERE r.retry_of = d.delegation_id)`)),
  lateResult: column.boolean(hasLateResult(activityLogs, 'd.delegation_id')),
});

export type Candidate = RowOf<ReturnType<typeof columnsOf>>;

/** These, in their order. */
export function namedCandidatesStatement(tables: SweeperTables) {
  return statement({
    parameters: { ids: parameter.texts },
    columns: columnsOf(tables),
    sql: (columns) => `
SELECT ${columns}
FROM unnest($ids) WITH ORDINALITY c (delegation_id, nr)
LEFT JOIN ${tables.delegations} d ON d.delegation_id = c.delegation_id COLLATE "C"
ORDER BY c.nr`,
  });
}

/** What a sweep marked, in the order of its marks, by the index activity_logs_sweep. */
export function sweepCandidatesStatement(tables: SweeperTables) {
  return statement({
    parameters: { sweepId: parameter.text, afterId: parameter.wholeNumber, rowsMax: parameter.wholeNumber },
    columns: { ...columnsOf(tables), activityId: column.wholeNumber('c.activity_id') },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT a.delegation_id, a.activity_id FROM ${tables.activityLogs} a
  WHERE a.actor = 'sweeper' AND a.to_status IS NOT NULL AND a.detail ->> 'sweepId' = $sweepId AND a.activity_id > $afterId
  ORDER BY a.activity_id LIMIT $rowsMax) c
LEFT JOIN ${tables.delegations} d ON d.delegation_id = c.delegation_id
ORDER BY c.activity_id`,
  });
}

/** What a callee left undone between two instants, the oldest end first, by the index delegations_given_up. */
export function calleeCandidatesStatement(tables: SweeperTables) {
  return statement({
    parameters: {
      calleeId: parameter.text,
      afterUs: parameter.micros,
      afterId: parameter.text,
      untilUs: parameter.micros,
      rowsMax: parameter.wholeNumber,
    },
    columns: { ...columnsOf(tables), finishedUs: column.micros('c.finished_at') },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT d.delegation_id, d.finished_at FROM ${tables.delegations} d
  WHERE d.callee_id = $calleeId AND ${isOneOf('d.status', retriableStatuses)}
    AND (d.finished_at, d.delegation_id) > ($afterUs, $afterId) AND d.finished_at <= $untilUs
  ORDER BY d.finished_at, d.delegation_id LIMIT $rowsMax) c
JOIN ${tables.delegations} d ON d.delegation_id = c.delegation_id
ORDER BY c.finished_at, c.delegation_id`,
  });
}
