import { type LedgerDb, tableReference } from '../db/schema.ts';

/** The ledger's tables, and its function, as quoted SQL names, in the schema that the caller's Kysely addresses. */
export interface LedgerTables {
  readonly delegations: string;
  readonly activityLogs: string;
  readonly sweeperState: string;
  readonly sweeperThreshold: string;
  /** Beside the delegations. */
  readonly heartbeat: string;
}

export function ledgerTables(db: LedgerDb): LedgerTables {
  const delegations = tableReference(db, 'delegations');
  return {
    delegations,
    heartbeat: delegations.replace(/"delegations"$/, '"delegation_heartbeat"'),
    activityLogs: tableReference(db, 'activity_logs'),
    sweeperState: tableReference(db, 'sweeper_state'),
    sweeperThreshold: tableReference(db, 'sweeper_threshold'),
  };
}
