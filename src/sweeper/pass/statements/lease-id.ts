import { column, nullable } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** SQL: the sweep that has the lease. */
export function leaseId({ sweeperState }: SweeperTables): string {
  return `(SELECT sweep_id FROM ${sweeperState} WHERE singleton)`;
}

/**
 * Every answer names the sweep that has the lease, also one without rows, whose one row is otherwise NULL: so a batch
 * that found nothing is distinguished from a batch of a sweep that lost its lease.
 */
export const leaseColumns = (tables: SweeperTables) => ({ leaseId: nullable(column.text(leaseId(tables))) });
