import { column, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** The delegation that tries this id again, by the index delegations_retry_of. */
export function retriedAsStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: { delegationId: parameter.text },
    columns: { retriedAs: column.text('d.delegation_id') },
    sql: (columns) => `SELECT ${columns} FROM ${delegations} d WHERE d.retry_of = $delegationId LIMIT 1`,
  });
}
