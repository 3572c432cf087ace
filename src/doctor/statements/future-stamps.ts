import { column, nullable, statement } from '../../db/statement.ts';
import { isInProgress } from '../../sweeper/in-progress.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

/** Rows that are counted, of each kind. */
const COUNT_MAX = 1_000;
/** Of special rows, which are in no order of their heartbeats, those that are looked at. */
const SPECIAL_MAX = 10_000;

/** Heartbeats that lie in the future: of plain rows along the index of buckets, newest first, and of special ones. */
export function futureStampsStatement({ delegations }: SweeperTables) {
  return statement({
    columns: {
      rows: column.wholeNumber('count(*)'),
      latestAheadMs: nullable(
        column.wholeNumber('extract(epoch FROM max(f.last_heartbeat) - clock_timestamp()) * 1000'),
      ),
      example: nullable(column.text('min(f.delegation_id)')),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  (SELECT d.delegation_id, d.last_heartbeat FROM ${delegations} d
   WHERE ${isInProgress} AND d.suspect_at IS NULL AND d.last_heartbeat > clock_timestamp()
     AND d.heartbeat_bucket >= date_bin('5 minutes', statement_timestamp(), '1970-01-01 00:00:00+00'::timestamptz)
   ORDER BY d.heartbeat_bucket DESC, d.delegation_id DESC LIMIT ${COUNT_MAX})
  UNION ALL
  (SELECT s.delegation_id, s.last_heartbeat FROM (
     SELECT * FROM ${delegations} d WHERE ${isInProgress} AND d.suspect_at IS NOT NULL
     ORDER BY d.suspect_at DESC, d.delegation_id DESC LIMIT ${SPECIAL_MAX}) s
   WHERE s.last_heartbeat > clock_timestamp())) f`,
  });
}
