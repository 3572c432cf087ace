import { column, statement } from '../../../db/statement.ts';
import { inOrder, ruleParameters, stalled } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import { isInProgress } from './countable.ts';

/** Special rows that are looked at, at most. */
const ROWS_EXAMINED_MAX = 10_000;

/**
 * The delegations in progress whose lack of progress counts, and their callees. Not counted unless one of them has come
 * due: then none are all there are. `isAll`: there are no more than were looked at.
 */
export function stalledFleetStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: ruleParameters,
    columns: {
      rows: column.wholeNumber('count(*) FILTER (WHERE s.stalled_after_ms IS NOT NULL)'),
      callees: column.wholeNumber('count(DISTINCT s.callee_id) FILTER (WHERE s.stalled_after_ms IS NOT NULL)'),
      isAll: column.boolean(`count(*) < ${ROWS_EXAMINED_MAX}`),
    },
    sql: (columns) => `
SELECT ${columns} FROM (
  SELECT d.stalled_after_ms, d.callee_id FROM ${delegations} d
  WHERE ${isInProgress} AND d.suspect_at IS NOT NULL
    AND EXISTS (SELECT FROM ${delegations} d WHERE ${stalled.matches} ${inOrder(stalled)} LIMIT 1)
  ${inOrder(stalled)} LIMIT ${ROWS_EXAMINED_MAX}) s`,
  });
}
