import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { holdColumns } from '../operator-hold.ts';

/** SQL over a hold `h`: it has ended, and no sweep has logged that yet. */
export function isEndUnlogged(instant: string): string {
  return `NOT h.end_logged AND (h.ended_at IS NOT NULL OR h.held_until <= ${instant})`;
}

/** The holds whose end is to be logged by whoever gets them: each is returned once. One whose time has passed expires. */
export function logEndsStatement({ holds }: SweeperTables) {
  return statement({
    parameters: { now: parameter.micros },
    columns: holdColumns,
    sql: (columns) => `
UPDATE ${holds} h SET ended_at = coalesce(ended_at, held_until), ended_why = coalesce(ended_why, 'expired'),
  end_logged = true
WHERE ${isEndUnlogged('$now')}
RETURNING ${columns}`,
  });
}
