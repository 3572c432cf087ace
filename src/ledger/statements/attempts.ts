import type { RowOf } from '../../db/column.ts';
import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

/** Attempts that are read in each direction, at most. */
const ATTEMPTS_MAX = 100;

/** Of the delegation `d`. */
const attemptColumns = (delegations: string) => ({
  delegationId: column.text('d.delegation_id'),
  retryOf: nullable(column.text('d.retry_of')),
  attempt: column.wholeNumber('d.attempt'),
  status: column.oneOf(statuses, 'd.status'),
  calleeId: column.text('d.callee_id'),
  errorDetail: nullable(column.text('d.error_detail')),
  startAfter: nullable(column.instant('d.start_after')),
  createdAt: column.instant('d.created_at'),
  finishedAt: nullable(column.instant('d.finished_at')),
  /** What it tries again is not in the ledger any more. */
  retryOfIsGone: column.boolean(
    `d.retry_of IS NOT NULL AND NOT EXISTS (SELECT FROM ${delegations} o WHERE o.delegation_id = d.retry_of OFFSET 0)`,
  ),
});

/** One of the attempts at the same work. */
export type Attempt = RowOf<ReturnType<typeof attemptColumns>>;

/**
 * All attempts at the work of a delegation, in their order, with this one: those before it by their keys, those after it by
 * the index delegations_retry_of. Of a longer chain the hundred before and the hundred after it. Empty for an unknown id.
 * OFFSET keeps the steps from becoming joins, for which outdated statistics would have all retries read.
 */
export function attemptsStatement({ delegations }: LedgerTables) {
  return statement({
    parameters: { delegationId: parameter.text },
    columns: attemptColumns(delegations),
    sql: (columns) => `
WITH RECURSIVE earlier AS (
  SELECT d.delegation_id, d.retry_of, 0 AS steps FROM ${delegations} d WHERE d.delegation_id = $delegationId
  UNION ALL
  SELECT d.delegation_id, d.retry_of, e.steps + 1
  FROM earlier e CROSS JOIN LATERAL (
    SELECT d.delegation_id, d.retry_of FROM ${delegations} d WHERE d.delegation_id = e.retry_of OFFSET 0) d
  WHERE e.steps < ${ATTEMPTS_MAX}),
later AS (
  SELECT d.delegation_id, 0 AS steps FROM ${delegations} d WHERE d.delegation_id = $delegationId
  UNION ALL
  SELECT d.delegation_id, l.steps + 1
  FROM later l CROSS JOIN LATERAL (
    SELECT d.delegation_id FROM ${delegations} d WHERE d.retry_of = l.delegation_id OFFSET 0) d
  WHERE l.steps < ${ATTEMPTS_MAX})
SELECT ${columns}
FROM (SELECT delegation_id FROM earlier UNION SELECT delegation_id FROM later) chain
CROSS JOIN LATERAL (SELECT * FROM ${delegations} d WHERE d.delegation_id = chain.delegation_id OFFSET 0) d
ORDER BY d.attempt, d.created_at, d.delegation_id`,
  });
}
