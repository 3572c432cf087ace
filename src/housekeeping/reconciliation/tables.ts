import { type LedgerDb, tableReference } from '../../db/schema.ts';
import { type LedgerTables, ledgerTables } from '../../ledger/tables.ts';

/** The ledger's tables, and where the reconciler remembers what it has reported. */
export interface ReconcilerTables extends LedgerTables {
  readonly notices: string;
}

export function reconcilerTables(db: LedgerDb): ReconcilerTables {
  return { ...ledgerTables(db), notices: tableReference(db, 'sweeper_notices') };
}
