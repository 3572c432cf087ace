import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { openStatuses } from '../../../ledger/transitions.ts';
import { heardAt } from '../../pass/due-at.ts';
import type { SweeperTables } from '../../tables.ts';
import { CENSUS_ROWS_MAX, SILENCE_BINS } from '../census.ts';
import { allowedMs, isWaiting } from './silence.ts';

/** Counts the open delegations by status, wait and silence, along the index of open deadlines. */
export function censusStatement({ delegations }: SweeperTables, rowsMax = CENSUS_ROWS_MAX) {
  // An interval since infinity, which an older ledger may hold, would raise.
  const msSince = (instant: string) =>
    `CASE WHEN isfinite(${instant}) THEN extract(epoch FROM clock.now - ${instant})::float8 * 1000 END`;
  const bin = `least(${SILENCE_BINS}, greatest(0, floor(${msSince(heardAt)} / ${allowedMs} * ${SILENCE_BINS})))::int`;
  return statement({
    parameters: { stuckAfterMs: parameter.number },
    columns: {
      at: column.instant('c.now'),
      status: column.oneOf(openStatuses, 'c.status'),
      waiting: column.boolean('c.waiting'),
      bin: nullable(column.wholeNumber('c.bin')),
      count: column.wholeNumber('c.count'),
      ownThreshold: column.wholeNumber('c.own_threshold'),
      longestWaitMs: nullable(column.wholeNumber('c.longest_wait_ms')),
    },
    sql: (columns) => `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)
SELECT ${columns}
FROM (
  SELECT clock.now, d.status, ${isWaiting('clock.now')} AS waiting,
    CASE WHEN NOT ${isWaiting('clock.now')} THEN ${bin} END AS bin,
    count(*) AS count, count(d.stuck_after_ms) AS own_threshold,
    max(CASE WHEN ${isWaiting('clock.now')} THEN greatest(0, ${msSince('d.waiting_since')}) END) AS longest_wait_ms
  FROM clock, (
    SELECT * FROM ${delegations} d WHERE d.finished_at IS NULL
    ORDER BY d.deadline, d.delegation_id LIMIT ${rowsMax}) d
  GROUP BY 1, 2, 3, 4) c`,
  });
}
