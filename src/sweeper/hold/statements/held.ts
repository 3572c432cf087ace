import { column, parameter } from '../../../db/statement.ts';
import { infersSilence, type Rule } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';

/** SQL over a hold `h`: it is in force at this instant. */
export function isInForce(instant: string): string {
  return `h.ended_at IS NULL AND h.held_until > ${instant}`;
}

/** For the statements of a rule: true ignores every hold. */
export const forceParameter = { force: parameter.boolean };

/**
 * SQL: an operator holds the rule. Part of each statement that marks or asks, so it has that statement's own snapshot: one that
 * begins after the hold was committed sees it, whatever the sweep has read before.
 */
export function isHeldByOperator({ holds }: SweeperTables, rule: Rule): string {
  if (!infersSilence(rule)) return 'false';
  return `(NOT $force AND EXISTS (SELECT FROM ${holds} h WHERE ${isInForce('statement_timestamp()')}))`;
}

/** Whether a batch, or the plan of some, was kept from its rows by a hold. */
export function heldColumns(tables: SweeperTables, rule: Rule) {
  return { isHeld: column.boolean(isHeldByOperator(tables, rule)) };
}
