import { identifier } from '../../../db/identifier.ts';
import { column, nullable, statement } from '../../../db/statement.ts';
import { TICK_SWEEP_ID } from '../../statements/tick-sweep.ts';

/** As tickSweepStatement, of many ledgers. */
export function tickSweepsStatement(ledgers: readonly string[]) {
  const rows = ledgers.map(
    (ledger, nth) => `SELECT ${nth}, ${TICK_SWEEP_ID} FROM ${identifier(ledger)}."sweeper_state" s WHERE s.singleton`,
  );
  return statement({
    columns: { nth: column.wholeNumber('r.nth'), sweepId: nullable(column.text('r.sweep_id')) },
    sql: (columns) => `SELECT ${columns} FROM (${rows.join('\nUNION ALL ')}) r (nth, sweep_id)`,
  });
}
