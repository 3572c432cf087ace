import { literal } from '../../../db/literal.ts';
import { column, parameter, statement } from '../../../db/statement.ts';
import type { LedgerTables } from '../../../ledger/tables.ts';

/** From which of the tables the role may not delete, and its name; no row where it may. */
export function missingRightsStatement({ delegations, activityLogs }: LedgerTables) {
  const lacks = (table: string) => `NOT pg_catalog.has_table_privilege(${literal(table)}, 'DELETE')`;
  return statement({
    parameters: { ofDelegations: parameter.boolean },
    columns: { role: column.text('current_user::text'), table: column.text('t.name') },
    sql: (columns) => `
SELECT ${columns}
FROM (VALUES ('activity_logs', ${lacks(activityLogs)}), ('delegations', $ofDelegations AND ${lacks(delegations)})) t (name, lacks)
WHERE t.lacks`,
  });
}
