import { literal } from '../../../db/literal.ts';
import { column, nullable, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** What a retention has removed up to now. */
export function removedStatement({ sweeperRetention }: SweeperTables) {
  return statement({
    columns: {
      delegationsBefore: nullable(column.instant('r.delegations_before')),
      activityBefore: nullable(column.instant('r.activity_before')),
    },
    sql: (columns) => `SELECT ${columns} FROM ${sweeperRetention} r WHERE r.singleton`,
  });
}

/** Whether the role may read that. After an upgrade it may not, until deploy/postgres/roles.sql has run again. */
export function mayReadRemovedStatement({ sweeperRetention }: SweeperTables) {
  return statement({
    columns: { mayRead: column.boolean(`pg_catalog.has_table_privilege(${literal(sweeperRetention)}, 'SELECT')`) },
    sql: (columns) => `SELECT ${columns}`,
  });
}
