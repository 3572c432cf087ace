import { isOneOf, literal } from '../../../db/literal.ts';
import { nullable, parameter } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';
import { terminalStatuses } from '../../../ledger/transitions.ts';

/** The parameters of the conditions below: the fields of Cutoffs. */
export const cutoffParameters = {
  delegationsBefore: nullable(parameter.micros),
  activityBefore: parameter.micros,
  ofKeptDelegations: parameter.boolean,
  withRow: parameter.boolean,
  lateResultsSince: parameter.micros,
} as const;

/**
 * SQL: nothing of this id was recorded since the instant, and no late result lately. OFFSET keeps the planner to the
 * activity of this one id: with outdated statistics it would join, and read the whole table.
 */
function isQuiet({ activityLogs }: LedgerTables, id: string, before: string): string {
  return `NOT EXISTS (SELECT FROM ${activityLogs} n WHERE n.delegation_id = ${id} AND (n.created_at >= ${before}
    OR n.event || '' = ${literal('delegation.late_result')} AND n.created_at >= $lateResultsSince) OFFSET 0)`;
}

/** SQL: the row is to be removed. An open one never is: its finished_at is NULL. Pairs of (status, finished_at) are the guard's. */
export function isDueDelegation(tables: LedgerTables, d: string): string {
  return `(${isOneOf(`${d}.status`, terminalStatuses)} AND ${d}.finished_at < $delegationsBefore
    AND ${isQuiet(tables, `${d}.delegation_id`, '$delegationsBefore')})`;
}

/**
 * SQL: what has no row here had ended, or was never a delegation: its last transition is to a terminal status, or it has
 * none. Where the row was lost, this activity is all that an open delegation can be made again from. OFFSET as above.
 */
function hadEnded({ activityLogs }: LedgerTables, id: string): string {
  return `(SELECT ${isOneOf('t.to_status', terminalStatuses)} FROM (
      SELECT o.activity_id, o.to_status FROM ${activityLogs} o
      WHERE o.delegation_id = ${id} AND o.to_status IS NOT NULL OFFSET 0) t
    ORDER BY t.activity_id DESC LIMIT 1) IS NOT FALSE`;
}

/** SQL: all activity of the id is to be removed; `d` is its row, all NULL where there is none. */
export function isDueActivity(tables: LedgerTables, id: string, d: string): string {
  return `((${d}.status IS NULL AND ${hadEnded(tables, id)}
      OR $ofKeptDelegations AND ${isOneOf(`${d}.status`, terminalStatuses)} AND ${d}.finished_at < $activityBefore)
    AND ${isQuiet(tables, id, '$activityBefore')})`;
}

/** SQL of a subquery: the ctids of all activity of the ids in `ids.delegation_id`, by their index. */
export function placesOfActivity({ activityLogs }: LedgerTables, ids: string): string {
  return `SELECT l.place FROM ${ids} i CROSS JOIN LATERAL (
    SELECT a.ctid AS place FROM ${activityLogs} a WHERE a.delegation_id = i.delegation_id OFFSET 0) l`;
}
