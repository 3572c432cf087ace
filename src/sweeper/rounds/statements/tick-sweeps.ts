import { column, nullable, statement } from '../../../db/statement.ts';
import { schemaName } from './of-each-ledger.ts';

/** As tickSweepStatement, of many ledgers. */
export function tickSweepsStatement(ledgers: readonly string[]) {
  const rows = ledgers.map(
    (ledger, nth) =>
      `SELECT ${nth}, coalesce(s.tick_sweep_id, s.sweep_id) FROM ${schemaName(ledger)}."sweeper_state" s WHERE s.singleton`,
  );
  return statement({
    columns: { nth: column.wholeNumber('r.nth'), sweepId: nullable(column.text('r.sweep_id')) },
    sql: (columns) => `SELECT ${columns} FROM (${rows.join('\nUNION ALL ')}) r (nth, sweep_id)`,
  });
}
