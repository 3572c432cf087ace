import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { isInProgress } from '../../in-progress.ts';
import { microsOf } from '../../instant.ts';
import { heardAt } from '../../pass/due-at.ts';
import type { SweeperTables } from '../../tables.ts';
import { allowedMs, isWaiting } from './silence.ts';

/** Rows at the head of each index that are examined; beyond that the silence is exact to a bucket's five minutes. */
const ROWS_MAX = 1000;

/** The first entries of the indexes that a sweep uses, too: of plain rows, of those with limits of their own, of deadlines. */
export function oldestStatement({ delegations }: SweeperTables) {
  // Never negative, also where a row's instant is later than this statement's clock. In whole numbers, since an interval
  // since infinity, which an older ledger may hold, would raise.
  const sinceMs = (instant: string) => `greatest(0, (${microsOf('clock.now')} - ${microsOf(instant)}) / 1000)`;
  const needed = 'd.last_heartbeat, d.waiting_until, d.stuck_after_ms, d.lowered_at, d.lowered_from_ms';
  const silence = `${sinceMs(heardAt)} AS silence_ms, ${allowedMs} AS allowed_ms`;
  return statement({
    parameters: { stuckAfterMs: parameter.number },
    columns: {
      silenceMs: nullable(column.wholeNumber('longest.silence_ms')),
      allowedMs: nullable(column.wholeNumber('longest.allowed_ms')),
      overdueMs: column.wholeNumber(`coalesce((
    SELECT ${sinceMs('d.deadline')} FROM ${delegations} d WHERE d.finished_at IS NULL
    ORDER BY d.deadline, d.delegation_id LIMIT 1), 0)`),
    },
    sql: (columns) => `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
plain AS MATERIALIZED (
  SELECT ${needed} FROM ${delegations} d WHERE ${isInProgress} AND d.suspect_at IS NULL
  ORDER BY d.heartbeat_bucket, d.delegation_id LIMIT ${ROWS_MAX}),
special AS MATERIALIZED (
  SELECT ${needed} FROM ${delegations} d WHERE ${isInProgress} AND d.suspect_at IS NOT NULL
  ORDER BY d.suspect_at, d.delegation_id LIMIT ${ROWS_MAX})
SELECT ${columns}
FROM clock LEFT JOIN LATERAL (
  SELECT * FROM (
    SELECT ${silence} FROM plain d
    UNION ALL
    SELECT ${silence} FROM special d WHERE NOT ${isWaiting('clock.now')}) s
  ORDER BY silence_ms - allowed_ms DESC LIMIT 1) longest ON true`,
  });
}
