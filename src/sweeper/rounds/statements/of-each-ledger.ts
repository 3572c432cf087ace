import { identifier } from '../../../db/identifier.ts';
import { column, parameter, statement } from '../../../db/statement.ts';

/** A ledger whose table is locked fails the statement after so long, and is asked by itself. */
export const LOCK_TIMEOUT_MS = 100;

/**
 * Calls a function of each of these ledgers, with its part of `asked`. They are one transaction: its locks are held until the last
 * one has answered.
 */
export function ofEachLedgerStatement(ledgers: readonly string[], name: 'sweeper_beat' | 'sweeper_sweep_empty') {
  const calls = ledgers.map((ledger, nth) => `SELECT ${nth + 1}, ${identifier(ledger)}.${name}($asked -> ${nth})`);
  return statement({
    parameters: { asked: parameter.json },
    columns: { nth: column.wholeNumber('c.nth'), answer: column.json<unknown>('c.answer') },
    // Its parts run one after the other, and the limit holds from the first on.
    sql: (columns) => `SELECT ${columns} FROM (
SELECT 0, to_json(set_config('lock_timeout', '${LOCK_TIMEOUT_MS}', true))
UNION ALL ${calls.join('\nUNION ALL ')}) c (nth, answer)`,
  });
}
