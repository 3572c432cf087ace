import { column, statement } from '../../../db/statement.ts';
import { isInProgress } from '../../in-progress.ts';
import type { SweeperTables } from '../../tables.ts';
import { inSuspectOrder } from './countable.ts';

/** Special rows that are examined, at most. */
const ROWS_EXAMINED_MAX = 10_000;

/**
 * The delegations in progress whose lack of progress counts, and their callees. `isAll`: all of them were examined.
 */
export function stalledFleetStatement({ delegations }: SweeperTables) {
  return statement({
    columns: {
      rows: column.wholeNumber('count(*) FILTER (WHERE s.stalled_after_ms IS NOT NULL)'),
      callees: column.wholeNumber('count(DISTINCT s.callee_id) FILTER (WHERE s.stalled_after_ms IS NOT NULL)'),
      isAll: column.boolean(`count(*) < ${ROWS_EXAMINED_MAX}`),
    },
    sql: (columns) => `
SELECT ${columns} FROM (
  SELECT d.stalled_after_ms, d.callee_id FROM ${delegations} d
  WHERE ${isInProgress} AND d.suspect_at IS NOT NULL
  ${inSuspectOrder} LIMIT ${ROWS_EXAMINED_MAX}) s`,
  });
}
