import { parameter, statement } from '../../db/statement.ts';
import { SWEEPS_KEPT } from '../../ledger/functions/sweeper-sweep-empty.ts';
import type { SweeperTables } from '../tables.ts';

/** Stores a sweep, removes those older than eight days and, when it completed, stores its time as that of the last one. In the model: record. */
export function sweepRecordStatement({ sweeperState, sweeps }: SweeperTables) {
  return statement({
    parameters: {
      sweepId: parameter.text,
      startedAt: parameter.micros,
      trigger: parameter.text,
      stuck: parameter.wholeNumber,
      /** Of these, those for lack of progress. */
      stalled: parameter.wholeNumber,
      failed: parameter.wholeNumber,
      /** Of those marked stuck, those that were tried again. */
      retried: parameter.wholeNumber,
      poisoned: parameter.wholeNumber,
      remaining: parameter.wholeNumber,
      truncated: parameter.boolean,
      held: parameter.boolean,
      batches: parameter.wholeNumber,
      durationMs: parameter.wholeNumber,
      unobservedMs: parameter.wholeNumber,
      callees: parameter.json,
      marks: parameter.json,
      wentThrough: parameter.boolean,
    },
    sql: `
WITH written AS (
  INSERT INTO ${sweeps} (sweep_id, started_at, trigger, stuck, stalled, failed, retried, poisoned, remaining, truncated,
    held, batches, duration_ms, unobserved_ms, callees, marks)
  VALUES ($sweepId, $startedAt, $trigger, $stuck, $stalled, $failed, $retried, $poisoned, $remaining, $truncated,
    $held, $batches, $durationMs, $unobservedMs, $callees, $marks)),
pruned AS (DELETE FROM ${sweeps} WHERE started_at < $startedAt - interval '${SWEEPS_KEPT}')
UPDATE ${sweeperState} SET swept_at = clock_timestamp() WHERE singleton AND $wentThrough`,
  });
}
