import { literal } from '../../../db/literal.ts';
import { type Status, sourcesOf } from '../../../ledger/transitions.ts';
import { isNotOverdue } from '../../pass/rules.ts';
import { isNotKnownPoison } from '../../pass/statements/poisoned.ts';
import type { SweeperTables } from '../../tables.ts';

/** Rows in progress that are counted at most, the longest silent first. */
export const ROWS_COUNTED_MAX = 1_000_000;

const [inProgress] = sourcesOf('stuck') as [Status];

export const isInProgress = `d.status = ${literal(inProgress)}`;

/** SQL: in progress, and not the deadline rule's. */
export const isOpen = `${isInProgress} AND ${isNotOverdue('$now')}`;

/** SQL: of these, last heard before this instant. */
export function isHeardBefore(instant: string): string {
  return `${isOpen} AND d.heartbeat_bucket <= ${instant} AND d.last_heartbeat < ${instant}`;
}

/** In the order of the index delegations_heartbeat_bucket: it keeps the planner there, and bounds the count by age. */
export const inOrder = 'ORDER BY d.heartbeat_bucket, d.delegation_id';

/**
 * SQL: excludes rows that sweeps cannot mark and that are therefore no sign of a storm: those known to be poisoned, and those
 * that a running transaction has locked. The array of running transactions is read once, and only when there is a row.
 */
export function isCountable(tables: SweeperTables): string {
  return `${isNotKnownPoison(tables)}
    AND d.xmax <> ALL (ARRAY(SELECT l.transactionid FROM pg_locks l WHERE l.locktype = 'transactionid' AND l.granted))`;
}
