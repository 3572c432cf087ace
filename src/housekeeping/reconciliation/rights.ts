import type { LedgerDb } from '../../db/schema.ts';
import { MissingRightsError } from '../missing-rights-error.ts';
import { missingRightsStatement } from './statements/missing-rights.ts';
import type { ReconcilerTables } from './tables.ts';

/**
 * Before anything is compared: an upgrade brings rights that only deploy/postgres/roles.sql grants, and without them each
 * suspect would fail by itself. @throws MissingRightsError, or the database's error.
 */
export async function requireRights(db: LedgerDb, tables: ReconcilerTables, dryRun: boolean): Promise<void> {
  const missing = await missingRightsStatement(tables).run(db, { dryRun });
  if (missing.length === 0) return;
  const rights = missing.map(({ right }) => right).join('; ');
  throw new MissingRightsError(
    `the role ${missing[0]!.role} lacks rights that reconcile needs (${rights}): run deploy/postgres/roles.sql again, as after each upgrade`,
  );
}
