import type { SweeperTables } from '../../tables.ts';

/**
 * SQL: the row is no A2A task, whose agent would have to be asked first. One probe of the key for each row looked at;
 * OFFSET keeps it from becoming a join, for which the rows would lose their order.
 */
export function isNoTask({ a2aTasks }: SweeperTables): string {
  return `NOT EXISTS (SELECT FROM ${a2aTasks} t WHERE t.delegation_id = d.delegation_id OFFSET 0)`;
}
