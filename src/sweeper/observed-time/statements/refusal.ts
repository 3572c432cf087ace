import { literal } from '../../../db/literal.ts';
import { column, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** The columns from which refusalOf() judges, by themselves. */
export function refusalStatement(tables: Pick<SweeperTables, 'delegations'>) {
  return statement({ columns: refusalColumns(tables), sql: (columns) => `SELECT ${columns}` });
}

/**
 * Heartbeats are refused where row level security is on without policies, and there is a role that logs in, may stamp a
 * heartbeat, and is subject to row level security: neither the owner's nor BYPASSRLS.
 */
export function refusalColumns({ delegations }: Pick<SweeperTables, 'delegations'>) {
  const table = `${literal(delegations)}::regclass`;
  const policy = (command: string) =>
    `EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('*', '${command}'))`;
  return {
    inRecovery: column.boolean('pg_catalog.pg_is_in_recovery()'),
    readOnly: column.boolean(`pg_catalog.current_setting('transaction_read_only') = 'on'`),
    rowsHidden: column.boolean(`pg_catalog.row_security_active(${table})`),
    heartbeatsRefused: column.boolean(`(
    SELECT CASE WHEN NOT c.relrowsecurity OR (${policy('r')} AND ${policy('w')}) THEN false ELSE EXISTS (
      SELECT FROM pg_catalog.pg_roles r
      WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls
        AND (c.relforcerowsecurity OR NOT pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE'))
        AND pg_catalog.has_column_privilege(r.oid, c.oid, 'last_heartbeat', 'UPDATE')) END
    FROM pg_catalog.pg_class c WHERE c.oid = ${table})`),
  };
}
