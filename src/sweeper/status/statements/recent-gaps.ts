import { column, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

const GAPS_MAX = 100;

/** The gaps that reach into the last day, newest first. */
export function recentGapsStatement({ gaps }: SweeperTables) {
  return statement({
    columns: { start: column.instant('gap_start'), end: column.instant('gap_end') },
    sql: (columns) => `
SELECT ${columns} FROM ${gaps} WHERE gap_end > clock_timestamp() - interval '1 day'
ORDER BY gap_end DESC LIMIT ${GAPS_MAX}`,
  });
}
