import { column, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { holdColumns } from '../operator-hold.ts';

/** SQL over a hold `h`: it has ended, and no sweep has logged that yet. */
export function isEndUnlogged(instant: string): string {
  return `NOT h.end_logged AND (h.ended_at IS NOT NULL OR h.held_until <= ${instant})`;
}

/**
 * The holds whose end is to be logged by whoever gets them: each is returned once. One whose time has passed expires:
 * `hasExpired` where that happens here.
 */
export function logEndsStatement({ holds }: SweeperTables) {
  return statement({
    parameters: { now: parameter.micros },
    columns: {
      ...holdColumns,
      holdId: column.wholeNumber('h.hold_id'),
      hasExpired: column.boolean('o.was_open'),
    },
    sql: (columns) => `
WITH o AS MATERIALIZED (
  SELECT h.hold_id, h.ended_at IS NULL AS was_open FROM ${holds} h WHERE ${isEndUnlogged('$now')}
  ORDER BY h.hold_id FOR NO KEY UPDATE)
UPDATE ${holds} h SET ended_at = coalesce(h.ended_at, h.held_until), ended_why = coalesce(h.ended_why, 'expired'),
  end_logged = true
FROM o WHERE o.hold_id = h.hold_id
RETURNING ${columns}`,
  });
}
