import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { openStatuses } from '../../../ledger/transitions.ts';
import type { SweeperTables } from '../../tables.ts';
import { CENSUS_ROWS_MAX, SILENCE_BINS } from '../census.ts';

/** Counts the open delegations by status and silence, along the index of open deadlines. */
export function censusStatement({ delegations }: SweeperTables, rowsMax = CENSUS_ROWS_MAX) {
  // An interval since infinity, which an older ledger may hold, would raise.
  const silenceMs = `CASE WHEN isfinite(o.last_heartbeat) THEN extract(epoch FROM clock.now - o.last_heartbeat)::float8 * 1000 END`;
  return statement({
    parameters: { stuckAfterMs: parameter.number },
    columns: {
      at: column.instant('c.now'),
      status: column.oneOf(openStatuses, 'c.status'),
      bin: nullable(column.wholeNumber('c.bin')),
      count: column.wholeNumber('c.count'),
    },
    sql: (columns) => `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)
SELECT ${columns}
FROM (
  SELECT clock.now, o.status, count(*) AS count,
    least(${SILENCE_BINS}, greatest(0, floor(${silenceMs} / $stuckAfterMs * ${SILENCE_BINS})))::int AS bin
  FROM clock, (
    SELECT d.status, d.last_heartbeat FROM ${delegations} d WHERE d.finished_at IS NULL
    ORDER BY d.deadline, d.delegation_id LIMIT ${rowsMax}) o
  GROUP BY 1, 2, 4) c`,
  });
}
