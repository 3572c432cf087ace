import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Longer than a daemon's own beat looks for its row: see the beat statement. */
const DAEMONS_KEPT = '1 day';

/** Removes what no horizon reaches any more, and daemons that have long been gone. */
export function pruneStatement({ gaps, lowerings, daemons }: SweeperTables) {
  return statement({
    parameters: { before: parameter.micros },
    sql: `
WITH gaps AS (DELETE FROM ${gaps} WHERE gap_end <= $before),
lowerings AS (DELETE FROM ${lowerings} WHERE lowered_at <= $before)
DELETE FROM ${daemons} WHERE beat_at < clock_timestamp() - interval '${DAEMONS_KEPT}'`,
  });
}
