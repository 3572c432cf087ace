import { leftJoined, type RowOf } from '../../../db/column.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { type Rule, ruleParameters } from '../rules.ts';
import { forceParameter, heldColumns } from './held-rule.ts';
import { leaseColumns } from './lease-id.ts';
import { afterParameters, isAfter } from './places.ts';
import { isNotSpared, type Sparing, sparedParameters } from './poisoned.ts';

/**
 * Up to so many rows in all are named. A few rows that are stale lie anywhere among those of their bucket that are alive, all of
 * which a batch would read again to find them by their places.
 */
const NAMED_MAX = 100;

const endColumns = {
  delegationId: column.text('e.delegation_id'),
  keyUs: column.micros('e.key'),
  /** Rows in the batch. */
  rows: column.wholeNumber('(e.n - 1) % $batchRowsMax + 1'),
  /** The ids of all rows, where they are few and make one batch. */
  ids: nullable(
    column.json<readonly string[]>(`CASE WHEN e.is_last AND e.n <= least(${NAMED_MAX}, $batchRowsMax)
    THEN (SELECT json_agg(delegation_id ORDER BY n) FROM numbered) END`),
  ),
};

/** The place of a batch's last row. */
export type BatchEnd = RowOf<typeof endColumns>;

export type PlanAnswer = RowOf<ReturnType<typeof answerColumns>>;

export function isBatchEnd(answer: PlanAnswer): answer is PlanAnswer & BatchEnd {
  return answer.delegationId !== null;
}

function answerColumns(tables: SweeperTables, rule: Rule) {
  return { ...leaseColumns(tables), ...heldColumns(tables, rule), ...leftJoined(endColumns) };
}

/**
 * Where the next batches end, in order: a scan of the rows that locks nothing, at a hundredth of the cost of marking
 * them. So several batches can run at once and never overlap. In the model: plan.
 */
export function planStatement(tables: SweeperTables, rule: Rule, sparing: Sparing = { someKnown: false }) {
  return statement({
    parameters: {
      ...ruleParameters,
      ...forceParameter,
      ...afterParameters,
      ...sparedParameters,
      rowsMax: parameter.wholeNumber,
      batchRowsMax: parameter.wholeNumber,
    },
    columns: answerColumns(tables, rule),
    sql: (columns) => `
WITH matching AS (
  SELECT d.${rule.key} AS key, d.delegation_id
  FROM ${tables.delegations} d
  WHERE ${rule.matches} AND ${isAfter(rule)} AND ${isNotSpared(tables, sparing)}
  ORDER BY d.${rule.key}, d.delegation_id LIMIT $rowsMax),
numbered AS (
  SELECT key, delegation_id, row_number() OVER places AS n, lead(delegation_id) OVER places IS NULL AS is_last
  FROM matching WINDOW places AS (ORDER BY key, delegation_id))
SELECT ${columns}
FROM (VALUES (1)) one LEFT JOIN (SELECT * FROM numbered WHERE n % $batchRowsMax = 0 OR is_last) e ON true
ORDER BY e.n`,
  });
}
