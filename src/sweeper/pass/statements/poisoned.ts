import { parameter } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { isNoTask } from './tasks.ts';

/** Rows to leave out: those that this pass has found to raise. */
export const sparedParameters = { foundIds: parameter.texts };

/** Which rows a pass leaves out. */
export interface Sparing {
  /** Rows are known, from earlier sweeps, whose update raises. */
  readonly someKnown: boolean;
  /** A2A tasks, whose agents are asked first, and which are then marked by name. Default false. */
  readonly tasks?: boolean;
}

/**
 * SQL: the row is not known to be poisoned. One probe of the notices' key for each row looked at, however many are known;
 * OFFSET keeps it from becoming a join, for which the rows would lose their order.
 */
export function isNotKnownPoison({ notices }: SweeperTables): string {
  return `NOT EXISTS (SELECT FROM ${notices} n
    WHERE n.kind = 'poisoned' AND n.subject = d.delegation_id COLLATE "default" OFFSET 0)`;
}

/** SQL: not found to raise by this pass, nor left out otherwise. */
export function isNotSpared(tables: SweeperTables, { someKnown, tasks = false }: Sparing): string {
  const isNotFound = 'd.delegation_id <> ALL($foundIds)';
  return [isNotFound, ...(someKnown ? [isNotKnownPoison(tables)] : []), ...(tasks ? [isNoTask(tables)] : [])].join(
    ' AND ',
  );
}
