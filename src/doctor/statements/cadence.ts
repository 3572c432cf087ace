import { column, nullable, parameter, statement } from '../../db/statement.ts';
import { isInProgress } from '../../sweeper/in-progress.ts';
import { allowedMs, isWaiting } from '../../sweeper/status/statements/silence.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

/** Open delegations that are looked at, by deadline. */
const ROWS_MAX = 20_000;
/** A stamp that was written with the status is no heartbeat. */
const AFTER_STATUS = "interval '1 second'";

/**
 * How old the stamps of the delegations are whose agents have sent heartbeats: at a steady cadence the age of a stamp is
 * half of it, in the median. Those that are silent for longer than is allowed are left out.
 */
export function cadenceStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: { stuckAfterMs: parameter.number },
    columns: {
      own: column.boolean('r.own'),
      rows: column.wholeNumber('count(*)'),
      medianAgeMs: nullable(column.wholeNumber('percentile_cont(0.5) WITHIN GROUP (ORDER BY r.age_ms)')),
      /** The age over what is allowed, in thousandths. */
      medianPermille: nullable(
        column.wholeNumber('percentile_cont(0.5) WITHIN GROUP (ORDER BY r.age_ms / r.allowed_ms) * 1000'),
      ),
      medianAllowedMs: nullable(column.wholeNumber('percentile_cont(0.5) WITHIN GROUP (ORDER BY r.allowed_ms)')),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT d.stuck_after_ms IS NOT NULL AS own, ${allowedMs} AS allowed_ms,
    greatest(0, extract(epoch FROM statement_timestamp() - d.last_heartbeat))::float8 * 1000 AS age_ms
  FROM (
    SELECT * FROM ${delegations} d WHERE d.finished_at IS NULL ORDER BY d.deadline, d.delegation_id LIMIT ${ROWS_MAX}) d
  WHERE ${isInProgress} AND NOT ${isWaiting('statement_timestamp()')} AND d.last_heartbeat > d.updated_at + ${AFTER_STATUS}) r
WHERE r.age_ms <= r.allowed_ms
GROUP BY r.own ORDER BY r.own`,
  });
}
