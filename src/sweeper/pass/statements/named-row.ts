import type { SweeperTables } from '../../tables.ts';

/**
 * SQL: the delegation `d` that the notice `n` names. One probe of the key for every notice: OFFSET keeps it from becoming
 * a join, which outdated statistics have turned into a comparison of every notice with every row.
 */
export function namedRow({ delegations }: SweeperTables): string {
  return `(SELECT * FROM ${delegations} d WHERE d.delegation_id = n.subject COLLATE "C" OFFSET 0) d`;
}
