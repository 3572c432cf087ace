import type { LedgerDb } from '../../db/schema.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import type { LedgerTables } from '../../ledger/tables.ts';
import type { Cutoffs } from './cutoffs.ts';
import { missingRightsStatement } from './statements/missing-rights.ts';

/** The role may not delete what is due. Its code is the database's own for that. */
export class MissingRightsError extends Error {
  override readonly name = 'MissingRightsError';
  readonly code = sqlstate.insufficientPrivilege;

  constructor(role: string, tables: readonly string[]) {
    super(
      `the role ${role} may not delete from ${tables.join(' and ')}, which is granted only where a retention is wanted: psql -v retention=on -f deploy/postgres/roles.sql`,
    );
  }
}

/** Before anything is removed. @throws MissingRightsError, or the database's error. */
export async function requireRights(db: LedgerDb, tables: LedgerTables, { delegationsBefore }: Cutoffs): Promise<void> {
  const missing = await missingRightsStatement(tables).run(db, { ofDelegations: delegationsBefore !== null });
  if (missing.length === 0) return;
  throw new MissingRightsError(
    missing[0]!.role,
    missing.map(({ table }) => table),
  );
}
