import { column, parameter, statement } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';

/**
 * Locks the rows of these ids, in the order of the ids, for the statement that judges and removes them. That one has a
 * snapshot of its own, and so sees whatever came before a row's lock; what comes after it waits. A row that another session
 * has locked stays: an agent may be reporting a late result, which is then recorded before the row can go.
 */
export function lockDelegationsStatement({ delegations }: LedgerTables) {
  return statement({
    parameters: { ids: parameter.texts },
    columns: { delegationId: column.text('d.delegation_id') },
    sql: (columns) => `
SELECT ${columns} FROM ${delegations} d
WHERE d.delegation_id = ANY ($ids) ORDER BY d.delegation_id FOR UPDATE SKIP LOCKED`,
  });
}
