import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** What a retention has removed up to now, and the delegation that tries this id again, by the index delegations_retry_of. */
export function removedStatement({ delegations, sweeperRetention }: SweeperTables) {
  return statement({
    parameters: { delegationId: parameter.text },
    columns: {
      delegationsBefore: nullable(column.instant('r.delegations_before')),
      activityBefore: nullable(column.instant('r.activity_before')),
      retriedAs: nullable(
        column.text(`(SELECT d.delegation_id FROM ${delegations} d WHERE d.retry_of = $delegationId LIMIT 1)`),
      ),
    },
    sql: (columns) => `SELECT ${columns} FROM ${sweeperRetention} r WHERE r.singleton`,
  });
}
