import { column, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { HISTORY_BIN_MINUTES } from '../history.ts';
import { recentSweeps } from './recent-sweeps.ts';

/** The sweeps of the last day by quarters of an hour. */
export function sweepBinsStatement(tables: SweeperTables) {
  return statement({
    columns: {
      at: column.instant('b.bin'),
      sweeps: column.wholeNumber('b.sweeps'),
      stuck: column.wholeNumber('b.stuck'),
      failed: column.wholeNumber('b.failed'),
      durationMaxMs: column.wholeNumber('b.duration_max_ms'),
      held: column.boolean('b.held'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT bin, sum(sweeps) AS sweeps, sum(stuck) AS stuck, sum(failed) AS failed, max(duration_ms) AS duration_max_ms,
    bool_or(held) AS held
  FROM ${recentSweeps(tables)} s,
    LATERAL date_bin('${HISTORY_BIN_MINUTES} minutes', s.started_at, '1970-01-01 00:00:00+00'::timestamptz) bin
  GROUP BY bin) b
ORDER BY b.bin`,
  });
}
