import type { LedgerDb } from '../../db/schema.ts';
import type { LedgerTables } from '../../ledger/tables.ts';
import { MissingRightsError } from '../missing-rights-error.ts';
import type { Cutoffs } from './cutoffs.ts';
import { missingRightsStatement } from './statements/missing-rights.ts';

/** Before anything is removed. @throws MissingRightsError, or the database's error. */
export async function requireRights(db: LedgerDb, tables: LedgerTables, { delegationsBefore }: Cutoffs): Promise<void> {
  const missing = await missingRightsStatement(tables).run(db, { ofDelegations: delegationsBefore !== null });
  if (missing.length === 0) return;
  const names = missing.map(({ table }) => table).join(' and ');
  throw new MissingRightsError(
    `the role ${missing[0]!.role} may not delete from ${names}, which is granted only where a retention is wanted: psql -v retention=on -f deploy/postgres/roles.sql`,
  );
}
