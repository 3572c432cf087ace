import { parameter } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Rows to leave out: those that this pass has found to raise. */
export const sparedParameters = { foundIds: parameter.texts };

/** Whether rows are known, from earlier sweeps, whose update raises. */
export interface Sparing {
  readonly someKnown: boolean;
}

/**
 * SQL: the row is not known to be poisoned. One probe of the notices' key for each row looked at, however many are known;
 * OFFSET keeps it from becoming a join, for which the rows would lose their order.
 */
export function isNotKnownPoison({ notices }: SweeperTables): string {
  return `NOT EXISTS (SELECT FROM ${notices} n
    WHERE n.kind = 'poisoned' AND n.subject = d.delegation_id COLLATE "default" OFFSET 0)`;
}

/** SQL: neither found by this pass nor, where some are known from before, known to be poisoned. */
export function isNotPoisoned(tables: SweeperTables, { someKnown }: Sparing): string {
  const isNotFound = 'd.delegation_id <> ALL($foundIds)';
  return someKnown ? `${isNotFound} AND ${isNotKnownPoison(tables)}` : isNotFound;
}
