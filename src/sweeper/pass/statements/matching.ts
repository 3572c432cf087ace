import type { RowOf } from '../../../db/column.ts';
import { column, parameter, statement } from '../../../db/statement.ts';
import { wholeMsOf } from '../../instant.ts';
import type { SweeperTables } from '../../tables.ts';
import { inOrder, type Rule, ruleParameters } from '../rules.ts';
import { isNotKnownPoison } from './poisoned.ts';
import { isNoTask } from './tasks.ts';

export type MatchingRow = RowOf<ReturnType<typeof matchingColumns>>;

const matchingColumns = (rule: Rule) => ({
  delegationId: column.text('d.delegation_id'),
  latenessMs: column.wholeNumber(wholeMsOf(rule.lateness)),
});

/** What a sweep would mark, oldest first: no row whose update is known to raise. `tasks`: A2A tasks are left out. */
export function matchingStatement(tables: SweeperTables, rule: Rule, { tasks } = { tasks: false }) {
  const which = tasks ? `${isNotKnownPoison(tables)} AND ${isNoTask(tables)}` : isNotKnownPoison(tables);
  return statement({
    parameters: { ...ruleParameters, rowsMax: parameter.wholeNumber },
    columns: matchingColumns(rule),
    sql: (columns) => `
SELECT ${columns}
FROM ${tables.delegations} d WHERE ${rule.matches} AND ${which}
${inOrder(rule)} LIMIT $rowsMax`,
  });
}
