import { type LedgerDb, tableReference } from '../db/schema.ts';
import { type LedgerTables, ledgerTables } from '../ledger/tables.ts';

/** The ledger's tables, and the sweeper's own. */
export interface SweeperTables extends LedgerTables {
  readonly gaps: string;
  readonly sweeps: string;
  readonly notices: string;
  readonly lowerings: string;
  readonly daemons: string;
  readonly holds: string;
  readonly advice: string;
  readonly adviceState: string;
}

export function sweeperTables(db: LedgerDb): SweeperTables {
  return {
    ...ledgerTables(db),
    gaps: tableReference(db, 'sweeper_gaps'),
    sweeps: tableReference(db, 'sweeper_sweeps'),
    notices: tableReference(db, 'sweeper_notices'),
    lowerings: tableReference(db, 'sweeper_lowerings'),
    daemons: tableReference(db, 'sweeper_daemons'),
    holds: tableReference(db, 'sweeper_holds'),
    advice: tableReference(db, 'sweeper_advice'),
    adviceState: tableReference(db, 'sweeper_advice_state'),
  };
}
