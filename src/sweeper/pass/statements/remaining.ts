import { column, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { inOrder, overdue, type Rule, ruleParameters, stale } from '../rules.ts';

/** Most that `remaining` counts to, both rules together. */
export const REMAINING_COUNT_MAX = 10_000;

/** What still matches each rule, each counted to the maximum. */
export function remainingStatement({ delegations }: SweeperTables) {
  const count = (rule: Rule) =>
    column.wholeNumber(`(SELECT count(*)
  FROM (SELECT FROM ${delegations} d WHERE ${rule.matches} ${inOrder(rule)} LIMIT ${REMAINING_COUNT_MAX}) counted)`);
  return statement({
    parameters: ruleParameters,
    columns: { overdue: count(overdue), stale: count(stale) },
    sql: (columns) => `SELECT ${columns}`,
  });
}
