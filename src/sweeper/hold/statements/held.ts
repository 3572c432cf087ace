import type { SweeperTables } from '../../tables.ts';

/** SQL over a hold `h`: it is in force at this instant. */
export function isInForce(instant: string): string {
  return `h.ended_at IS NULL AND h.held_until > ${instant}`;
}

/**
 * SQL: an operator holds. In a statement that marks or asks it has that statement's own snapshot: one that begins after the
 * hold was committed sees it, whatever its sweep has read before.
 */
export function isHeldByOperator({ holds }: SweeperTables): string {
  return `EXISTS (SELECT FROM ${holds} h WHERE ${isInForce('statement_timestamp()')})`;
}
