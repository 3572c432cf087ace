import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';

/**
 * The first statement of a batch of removals: notes what is removed from here on, and locks that note, so that the batches
 * of two prunes come one after another. It also sets the transaction: no removal waits long for a lock, and none reads a
 * whole table.
 */
export function beginBatchStatement({ sweeperRetention }: LedgerTables) {
  return statement({
    parameters: {
      delegationsBefore: nullable(parameter.micros),
      activityBefore: nullable(parameter.micros),
      lockTimeoutMs: parameter.wholeNumber,
    },
    columns: {
      lockTimeout: column.text(`set_config('lock_timeout', $lockTimeoutMs || 'ms', true)`),
      seqscan: column.text(`set_config('enable_seqscan', 'off', true)`),
      bitmapscan: column.text(`set_config('enable_bitmapscan', 'off', true)`),
    },
    sql: (columns) => `
UPDATE ${sweeperRetention} SET delegations_before = greatest(delegations_before, $delegationsBefore),
  activity_before = greatest(activity_before, $activityBefore)
WHERE singleton RETURNING ${columns}`,
  });
}
