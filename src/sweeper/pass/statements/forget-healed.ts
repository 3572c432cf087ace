import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { ruleParameters, rules } from '../rules.ts';
import { namedRow } from './named-row.ts';

/** Forgets those of these poisoned rows that no rule matches any more. */
export function forgetHealedStatement(tables: SweeperTables) {
  const anyRule = rules.map(({ matches }) => `(${matches})`).join(' OR ');
  return statement({
    parameters: { ...ruleParameters, ids: parameter.texts },
    sql: `
DELETE FROM ${tables.notices} n
WHERE n.kind = 'poisoned' AND n.subject = ANY($ids) AND NOT EXISTS (
  SELECT FROM ${namedRow(tables)} WHERE ${anyRule} OFFSET 0)`,
  });
}
