import { column, parameter, statement } from '../../../db/statement.ts';
import { inOrder, type Rule, ruleParameters } from '../../pass/rules.ts';
import { isWithin, rangeParameters } from '../../pass/statements/places.ts';
import { isNotKnownPoison } from '../../pass/statements/poisoned.ts';
import { isNoTask } from '../../pass/statements/tasks.ts';
import type { SweeperTables } from '../../tables.ts';

/**
 * How many rows a sweep would mark in this range of a rule's order, counted no further than $rowsMax. `tasks`: A2A tasks, which
 * are chosen apart, are left out.
 */
export function rankStatement(tables: SweeperTables, rule: Rule, { tasks }: { readonly tasks: boolean }) {
  const which = tasks ? `${isNotKnownPoison(tables)} AND ${isNoTask(tables)}` : isNotKnownPoison(tables);
  return statement({
    parameters: { ...ruleParameters, ...rangeParameters, rowsMax: parameter.wholeNumber },
    columns: { rows: column.wholeNumber('count(*)') },
    sql: (columns) => `
SELECT ${columns} FROM (
  SELECT FROM ${tables.delegations} d WHERE ${rule.matches} AND ${isWithin(rule)} AND ${which}
  ${inOrder(rule)} LIMIT $rowsMax) counted`,
  });
}
