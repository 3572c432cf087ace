import type { RowOf } from '../../../db/column.ts';
import { column, parameter, statement } from '../../../db/statement.ts';
import { wholeMsOf } from '../../instant.ts';
import type { SweeperTables } from '../../tables.ts';
import { inOrder, type Rule, ruleParameters } from '../rules.ts';
import { isNotKnownPoison } from './poisoned.ts';

export type MatchingRow = RowOf<ReturnType<typeof matchingColumns>>;

const matchingColumns = (rule: Rule) => ({
  delegationId: column.text('d.delegation_id'),
  latenessMs: column.wholeNumber(wholeMsOf(rule.lateness)),
});

/** What a sweep would mark, oldest first: no row whose update is known to raise. */
export function matchingStatement(tables: SweeperTables, rule: Rule) {
  return statement({
    parameters: { ...ruleParameters, rowsMax: parameter.wholeNumber },
    columns: matchingColumns(rule),
    sql: (columns) => `
SELECT ${columns}
FROM ${tables.delegations} d WHERE ${rule.matches} AND ${isNotKnownPoison(tables)}
${inOrder(rule)} LIMIT $rowsMax`,
  });
}
