import { column, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { type RuleName, ruleParameters, rules } from '../rules.ts';
import { namedRow } from './named-row.ts';

/** How many known poisoned rows the rule matches, counted no further than $countMax. */
export function poisonedCountStatement(tables: SweeperTables, name: RuleName) {
  const matches = rules.filter((rule) => rule.name === name).map((rule) => `(${rule.matches})`);
  return statement({
    parameters: { ...ruleParameters, countMax: parameter.wholeNumber },
    columns: { known: column.wholeNumber('count(*)') },
    sql: (columns) => `
SELECT ${columns} FROM (
  SELECT FROM ${tables.notices} n
  WHERE n.kind = 'poisoned' AND EXISTS (SELECT FROM ${namedRow(tables)} WHERE ${matches.join(' OR ')} OFFSET 0)
  LIMIT $countMax) counted`,
  });
}
