import { column, parameter, statement } from '../../../db/statement.ts';
import { isPresent, UNDATED } from '../../../ledger/functions/beat.ts';
import type { SweeperTables } from '../../tables.ts';

/** The threshold that an agent assumes when it got none: the documented default of STUCK_AFTER, in ms. */
const UNTOLD_THRESHOLD_MS = 600_000;

/**
 * The longest threshold among the daemons with a recent beat becomes the one in force; where it was longer before,
 * a lowering is recorded, without its instant, which is known only after the commit: date-lowering.ts. It replaces lowerings
 * from thresholds that were not longer, so that there are never more of them than there have been thresholds. In the model: agree.
 *
 * LIMIT: as in the beat. Without it the server compiled the statement of a new ledger, for two seconds.
 */
export function agreeStatement({ sweeperState, sweeperThreshold, lowerings, daemons }: SweeperTables) {
  return statement({
    parameters: { daemonId: parameter.text, stuckAfterMs: parameter.wholeNumber },
    columns: {
      inForceMs: column.wholeNumber('agreed.ms'),
      wasLowered: column.boolean('lowering.ms IS NOT NULL'),
    },
    sql: (columns) => `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
agreed AS MATERIALIZED (
  SELECT greatest($stuckAfterMs, max(d.stuck_after_ms)) AS ms FROM clock LEFT JOIN ${daemons} d
  ON d.daemon_id <> $daemonId AND ${isPresent('clock.now')}),
previous AS MATERIALIZED (
  SELECT coalesce(greatest(t.stuck_after_ms, s.stuck_after_ms), ${UNTOLD_THRESHOLD_MS}) AS ms
  FROM ${sweeperState} s LEFT JOIN ${sweeperThreshold} t ON t.singleton WHERE s.singleton LIMIT 1),
lowering AS MATERIALIZED (
  SELECT previous.ms FROM previous, agreed WHERE agreed.ms < previous.ms),
replaced AS (DELETE FROM ${lowerings} l USING lowering WHERE l.stuck_after_ms <= lowering.ms),
lowered AS (INSERT INTO ${lowerings} (lowered_at, stuck_after_ms) SELECT ${UNDATED}, ms FROM lowering),
kept AS (
  UPDATE ${sweeperThreshold} t SET stuck_after_ms = agreed.ms FROM agreed
  WHERE t.singleton AND t.stuck_after_ms IS DISTINCT FROM agreed.ms),
shown AS (
  UPDATE ${sweeperState} s SET stuck_after_ms = agreed.ms FROM agreed
  WHERE s.singleton AND s.stuck_after_ms IS DISTINCT FROM agreed.ms)
SELECT ${columns} FROM agreed LEFT JOIN lowering ON true`,
  });
}
