import { column, statement } from '../../db/statement.ts';
import { isPresent } from '../../ledger/functions/beat.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

/** The daemons of this ledger that have left a beat in the last day, the latest first. */
export function daemonsStatement({ daemons }: SweeperTables) {
  return statement({
    columns: {
      daemonId: column.text('d.daemon_id'),
      stuckAfterMs: column.wholeNumber('d.stuck_after_ms'),
      beatAgoMs: column.wholeNumber('extract(epoch FROM clock_timestamp() - d.beat_at) * 1000'),
      present: column.boolean(isPresent('clock_timestamp()')),
    },
    sql: (columns) => `
SELECT ${columns} FROM ${daemons} d WHERE d.beat_at > clock_timestamp() - interval '1 day' ORDER BY d.beat_at DESC LIMIT 100`,
  });
}
