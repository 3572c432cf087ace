import { column, parameter } from '../../../db/statement.ts';
import { isHeldByOperator } from '../../hold/statements/held.ts';
import type { SweeperTables } from '../../tables.ts';
import { infersSilence, type Rule } from '../rules.ts';

/** For the statements of a rule: true ignores an operator's hold. */
export const forceParameter = { force: parameter.boolean };

/** SQL: an operator holds the rule. */
export function isRuleHeld(tables: SweeperTables, rule: Rule): string {
  return infersSilence(rule) ? `(NOT $force AND ${isHeldByOperator(tables)})` : 'false';
}

/** Whether a batch, or the plan of some, was kept from its rows by a hold. */
export function heldColumns(tables: SweeperTables, rule: Rule) {
  return { isHeld: column.boolean(isRuleHeld(tables, rule)) };
}
