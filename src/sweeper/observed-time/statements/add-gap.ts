import { parameter, statement } from '../../../db/statement.ts';
import { STEP_MIN_US } from '../../horizon.ts';
import type { SweeperTables } from '../../tables.ts';

/** Not when it lies ahead: the clock was set back since it was seen. */
export function addGapStatement({ gaps }: SweeperTables) {
  return statement({
    parameters: { start: parameter.micros, end: parameter.micros, kind: parameter.text },
    sql: `INSERT INTO ${gaps} (gap_start, gap_end, kind) SELECT $start, $end, $kind
WHERE $end <= clock_timestamp() + interval '${STEP_MIN_US} microseconds'`,
  });
}
