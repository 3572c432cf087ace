import { column, nullable, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

/** When a daemon last left its beat, and by which threshold it judges. */
export function lastBeatStatement({ sweeperState }: SweeperTables) {
  return statement({
    columns: {
      /** Null: none ever was left. */
      ageMs: nullable(
        column.wholeNumber(
          'CASE WHEN beat_at IS NOT NULL THEN greatest(0, extract(epoch FROM clock_timestamp() - beat_at) * 1000) END',
        ),
      ),
      stuckAfterMs: nullable(column.wholeNumber('stuck_after_ms')),
    },
    sql: (columns) => `SELECT ${columns} FROM ${sweeperState}`,
  });
}
