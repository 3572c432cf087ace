import { column, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { inOrder, type Rule, type RuleName, ruleParameters, rules } from '../rules.ts';

/** Most that `remaining` counts to, all rules together. */
export const REMAINING_COUNT_MAX = 10_000;

/** What still matches each rule, each counted to the maximum. */
export function remainingStatement({ delegations }: SweeperTables) {
  const rows = ({ matches, ...rule }: Rule) =>
    `(SELECT FROM ${delegations} d WHERE ${matches} ${inOrder(rule)} LIMIT ${REMAINING_COUNT_MAX})`;
  const count = (name: RuleName) => {
    const scans = rules.filter((rule) => rule.name === name).map(rows);
    return column.wholeNumber(
      `(SELECT count(*) FROM (SELECT FROM (${scans.join(' UNION ALL ')}) matching LIMIT ${REMAINING_COUNT_MAX}) counted)`,
    );
  };
  return statement({
    parameters: ruleParameters,
    columns: { overdue: count('overdue'), stale: count('stale'), stalled: count('stalled') },
    sql: (columns) => `SELECT ${columns}`,
  });
}
