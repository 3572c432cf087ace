import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

const outcomes = ['inserted', 'duplicate'] as const;

/**
 * Many at once: one row for each, in order. `rows` is an array of objects that have the function's arguments by name.
 * A holder that was deleted while it was looked for is null.
 */
export function insertManyStatement({ functions }: LedgerTables) {
  return statement({
    parameters: { rows: parameter.jsonText },
    columns: {
      outcome: column.oneOf(outcomes, 'i.outcome'),
      delegationId: nullable(column.text('i.delegation_id')),
      status: nullable(column.oneOf(statuses, 'i.status')),
    },
    sql: (columns) => `SELECT ${columns} FROM ${functions.insertMany}($rows) i ORDER BY i.place`,
  });
}
