import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { microsOf } from '../../instant.ts';
import type { SweeperTables } from '../../tables.ts';
import type { Lowering } from '../../threshold/staleness.ts';
import { gapsColumn } from './gaps.ts';
import { refusalColumns } from './refusal.ts';

/** What a sweep judges by, all at one instant: the clock, the beats and gaps, and the threshold in force. In the model: read_snapshot, read_clock. */
export function readingStatement(tables: SweeperTables) {
  const { sweeperState, sweeperThreshold } = tables;
  return statement({
    parameters: readingParameters,
    columns: readingColumns(tables),
    sql: (columns) => `
SELECT ${columns}
FROM ${sweeperState} s LEFT JOIN ${sweeperThreshold} t ON t.singleton WHERE s.singleton`,
  });
}

export const readingParameters = { daemonId: nullable(parameter.text) };

/** SQL over `s`, the row of sweeper_state, and `t`, that of sweeper_threshold. */
export function readingColumns(tables: SweeperTables) {
  const { lowerings, daemons } = tables;
  return {
    nowUs: column.micros('clock_timestamp()'),
    beatAtUs: nullable(column.micros('s.beat_at')),
    gaps: gapsColumn(tables),
    inForceMs: nullable(column.wholeNumber('greatest(t.stuck_after_ms, s.stuck_after_ms)')),
    lowerings: column.json<readonly Lowering[]>(`coalesce((
    SELECT json_agg(json_build_object('loweredAtUs', ${microsOf('lowered_at')}, 'stuckAfterMs', stuck_after_ms))
    FROM ${lowerings}), '[]')`),
    ownBeatAtUs: nullable(column.micros(`(SELECT d.beat_at FROM ${daemons} d WHERE d.daemon_id = $daemonId)`)),
    ...refusalColumns(tables),
  };
}
