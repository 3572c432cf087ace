import { literal, Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { type SweeperTables, sweeperTables } from '../tables.ts';

/** Why nobody's silence may be judged on this server, as this role. */
export interface Refusal {
  readonly reason: 'standby' | 'read_only' | 'rows_hidden' | 'heartbeats_refused';
  readonly remedy: string;
}

const remedies: Readonly<Record<Refusal['reason'], string>> = {
  standby: 'the server is a standby and takes no writes: connect to the primary',
  read_only: 'the server or the role takes no writes: see default_transaction_read_only',
  rows_hidden:
    'row level security hides rows of delegations from this role, so that a row may have been heard of that it cannot see: give the role BYPASSRLS, or ALTER TABLE delegations DISABLE ROW LEVEL SECURITY',
  heartbeats_refused:
    'row level security on delegations has no policy that lets an agent see and update its row, so that no heartbeat arrives: add policies for SELECT and UPDATE, or ALTER TABLE delegations DISABLE ROW LEVEL SECURITY',
};

/** Columns of a reading, from which the verdict is made. */
export interface RefusalSigns {
  readonly inRecovery: boolean;
  readonly readOnly: boolean;
  readonly rowsHidden: boolean;
  readonly heartbeatsRefused: boolean;
}

/**
 * SQL: the columns of RefusalSigns. Heartbeats are refused where row level security is on without policies, and there is
 * a role that logs in, may stamp a heartbeat, and is held to row level security: neither the owner's nor BYPASSRLS.
 */
export function refusalColumns({ delegations }: Pick<SweeperTables, 'delegations'>): string {
  const table = `${literal(delegations)}::regclass`;
  const policy = (command: string) =>
    `EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('*', '${command}'))`;
  return `pg_catalog.pg_is_in_recovery() AS "inRecovery",
  pg_catalog.current_setting('transaction_read_only') = 'on' AS "readOnly",
  pg_catalog.row_security_active(${table}) AS "rowsHidden",
  (SELECT CASE WHEN NOT c.relrowsecurity OR (${policy('r')} AND ${policy('w')}) THEN false ELSE EXISTS (
     SELECT FROM pg_catalog.pg_roles r
     WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls
       AND (c.relforcerowsecurity OR NOT pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE'))
       AND pg_catalog.has_column_privilege(r.oid, c.oid, 'last_heartbeat', 'UPDATE')) END
   FROM pg_catalog.pg_class c WHERE c.oid = ${table}) AS "heartbeatsRefused"`;
}

/** Null: nothing stands against it. */
export function refusalOf({ inRecovery, readOnly, rowsHidden, heartbeatsRefused }: RefusalSigns): Refusal | null {
  const reason = inRecovery
    ? 'standby'
    : readOnly
      ? 'read_only'
      : rowsHidden
        ? 'rows_hidden'
        : heartbeatsRefused
          ? 'heartbeats_refused'
          : null;
  return reason === null ? null : { reason, remedy: remedies[reason] };
}

/** The same by itself, for readiness and the commands. @throws the database's error. */
export async function readRefusal(db: LedgerDb): Promise<Refusal | null> {
  const [signs] = await new Statement<RefusalSigns>(`SELECT ${refusalColumns(sweeperTables(db))}`).run(db, []);
  return refusalOf(signs!);
}
