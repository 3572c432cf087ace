import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Stores what a sweep saw of a storm; only the sweep that has the lease writes it. No row: it has not. */
export function keepStatement({ sweeperState }: SweeperTables) {
  const micros = nullable(parameter.micros);
  return statement({
    parameters: {
      sweepId: parameter.text,
      formingSince: micros,
      heldSince: micros,
      releasedAt: micros,
      releasedWhy: nullable(parameter.text),
      partialSince: micros,
      cameBack: parameter.wholeNumber,
      cameBackAt: micros,
      watched: parameter.wholeNumber,
      watchedBefore: micros,
      watchedAt: micros,
    },
    columns: { isKept: column.boolean('true') },
    sql: (columns) => `
UPDATE ${sweeperState} SET storm_forming_since = $formingSince, storm_held_since = $heldSince,
  storm_released_at = $releasedAt, storm_released_why = $releasedWhy, storm_partial_since = $partialSince,
  storm_came_back = $cameBack, storm_came_back_at = $cameBackAt,
  storm_watched = $watched, storm_watched_before = $watchedBefore, storm_watched_at = $watchedAt
WHERE singleton AND sweep_id = $sweepId
RETURNING ${columns}`,
  });
}
