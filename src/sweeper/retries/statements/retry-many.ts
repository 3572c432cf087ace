import { column, parameter, statement } from '../../../db/statement.ts';
import { retryColumns } from '../../../ledger/statements/retry.ts';
import type { SweeperTables } from '../../tables.ts';

/** Tries these delegations again, in the order of their ids, so that two calls with the same ones do not deadlock. */
export function retryManyStatement({ functions }: SweeperTables) {
  return statement({
    parameters: { ids: parameter.texts, actor: parameter.text, unlessLateResult: parameter.boolean },
    columns: { retryOf: column.text('n.id'), ...retryColumns },
    sql: (columns) => `
SELECT ${columns}
FROM (SELECT id FROM unnest($ids) id ORDER BY id) n
CROSS JOIN LATERAL ${functions.retry}(n.id, actor => $actor, unless_late_result => $unlessLateResult) r`,
  });
}
