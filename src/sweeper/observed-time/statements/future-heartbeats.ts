import { column, parameter, statement } from '../../../db/statement.ts';
import { isInProgress } from '../../in-progress.ts';
import type { SweeperTables } from '../../tables.ts';

/** Rows that one run sets back at most. */
export const BATCH_ROWS = 1000;

/**
 * Sets heartbeats of plain rows that lie ahead of `now` back to it. Along the index of buckets, newest first: past the
 * first living row there is nothing to find.
 */
export function futureHeartbeatsStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: { now: parameter.micros },
    columns: { delegationId: column.text('d.delegation_id') },
    sql: (columns) => `
WITH future AS MATERIALIZED (
  SELECT d.delegation_id FROM ${delegations} d
  WHERE ${isInProgress} AND d.suspect_at IS NULL AND d.last_heartbeat > $now
    AND d.heartbeat_bucket >= date_bin('5 minutes', $now, '1970-01-01 00:00:00+00'::timestamptz)
  ORDER BY d.heartbeat_bucket DESC, d.delegation_id DESC LIMIT ${BATCH_ROWS} FOR NO KEY UPDATE SKIP LOCKED)
UPDATE ${delegations} d SET last_heartbeat = $now
FROM future WHERE d.delegation_id = future.delegation_id RETURNING ${columns}`,
  });
}
