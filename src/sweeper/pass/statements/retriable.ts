import { column, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { mayBeRetried } from './retried.ts';

/** Of these delegations, those that a sweep would try again when it marks them stuck. */
export function retriableStatement(tables: SweeperTables, retriesMax: number) {
  return statement({
    parameters: { ids: parameter.texts },
    columns: { delegationId: column.text('d.delegation_id') },
    sql: (columns) => `
SELECT ${columns} FROM ${tables.delegations} d
WHERE d.delegation_id = ANY($ids) AND ${mayBeRetried(tables, retriesMax)}`,
  });
}
