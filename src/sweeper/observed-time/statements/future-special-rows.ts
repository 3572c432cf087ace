import { column, parameter, statement } from '../../../db/statement.ts';
import { isInProgress } from '../../in-progress.ts';
import type { SweeperTables } from '../../tables.ts';

/** Rows that one run examines at most. */
export const EXAMINED_ROWS = 5000;

/**
 * The same for rows that wait or have limits of their own, and for what else is counted from there: progress, and the
 * instant at which a threshold was lowered. The end of a wait is an instant that was agreed, and stays. Along the index of
 * suspects, from `afterId` at `afterAt` on, since nothing orders these rows by heartbeat. By the clock of each row's update, as
 * futureHeartbeatsStatement. Returns the last row examined, or none at the end.
 */
export function futureSpecialRowsStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: { afterAt: parameter.micros, afterId: parameter.text },
    columns: { suspectAtUs: column.micros('l.suspect_at'), delegationId: column.text('l.delegation_id') },
    // Naming progress_at has the guard derive suspect_at from the new instants.
    sql: (columns) => `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
examined AS MATERIALIZED (
  SELECT * FROM ${delegations} d
  WHERE ${isInProgress} AND d.suspect_at IS NOT NULL
    AND (d.suspect_at, d.delegation_id) > ($afterAt, $afterId)
  ORDER BY d.suspect_at, d.delegation_id LIMIT ${EXAMINED_ROWS}),
future AS MATERIALIZED (
  SELECT d.delegation_id FROM ${delegations} d
  WHERE d.delegation_id = ANY(ARRAY(
    SELECT e.delegation_id FROM examined e WHERE greatest(e.last_heartbeat, e.progress_at, e.stalled_from, e.lowered_at) > (SELECT now FROM clock)))
  ORDER BY d.delegation_id FOR NO KEY UPDATE SKIP LOCKED),
reset AS (
  UPDATE ${delegations} d SET last_heartbeat = least(d.last_heartbeat, clock_timestamp()), progress_at = least(d.progress_at, clock_timestamp()),
    stalled_from = least(d.stalled_from, clock_timestamp()), lowered_at = least(d.lowered_at, clock_timestamp())
  FROM future WHERE d.delegation_id = future.delegation_id)
SELECT ${columns} FROM (
  SELECT e.suspect_at, e.delegation_id FROM examined e ORDER BY e.suspect_at DESC, e.delegation_id DESC LIMIT 1) l
WHERE (SELECT count(*) FROM examined) = ${EXAMINED_ROWS}`,
  });
}
