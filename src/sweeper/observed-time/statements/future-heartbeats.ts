import { column, statement } from '../../../db/statement.ts';
import { isInProgress } from '../../in-progress.ts';
import type { SweeperTables } from '../../tables.ts';

/** Rows that one run sets back at most. */
export const BATCH_ROWS = 1000;

/**
 * Sets heartbeats of plain rows that lie ahead of the clock back to it. Along the index of buckets, newest first: past the
 * first living row there is nothing to find. By the clock of this statement, and each row by that of its own update: it may
 * have been set forward again since anybody read it, and an instant of before would make living rows silent.
 */
export function futureHeartbeatsStatement({ delegations }: SweeperTables) {
  return statement({
    columns: { delegationId: column.text('d.delegation_id') },
    sql: (columns) => `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
future AS MATERIALIZED (
  SELECT d.delegation_id FROM ${delegations} d
  WHERE ${isInProgress} AND d.suspect_at IS NULL AND d.last_heartbeat > (SELECT now FROM clock)
    AND d.heartbeat_bucket >= date_bin('5 minutes', (SELECT now FROM clock), '1970-01-01 00:00:00+00'::timestamptz)
  ORDER BY d.heartbeat_bucket DESC, d.delegation_id DESC LIMIT ${BATCH_ROWS} FOR NO KEY UPDATE SKIP LOCKED)
UPDATE ${delegations} d SET last_heartbeat = least(d.last_heartbeat, clock_timestamp())
FROM future WHERE d.delegation_id = future.delegation_id RETURNING ${columns}`,
  });
}
