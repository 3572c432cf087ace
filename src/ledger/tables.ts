import { type LedgerDb, tableReference } from '../db/schema.ts';

/** The functions of the schema that the library calls, by its own names for them. */
const functionNames = {
  insert: 'delegation_insert',
  insertMany: 'delegation_insert_many',
  setStatus: 'delegation_set_status',
  heartbeat: 'delegation_heartbeat',
  heartbeatMany: 'delegation_heartbeat_many',
  wait: 'delegation_wait',
  resume: 'delegation_resume',
  adjust: 'delegation_adjust',
  retry: 'delegation_retry',
  reconcile: 'delegation_reconcile',
  a2aBegin: 'delegation_a2a_begin',
  a2aObserve: 'delegation_a2a_observe',
  isSubscribed: 'delegation_is_subscribed',
  enqueue: 'delegation_enqueue',
  eventSource: 'delegation_event_source',
  publish: 'delegation_publish',
  publishHold: 'delegation_publish_hold',
} as const;

/** The ledger's tables and functions, as quoted SQL names, in the schema that the caller's Kysely addresses. */
export interface LedgerTables {
  readonly delegations: string;
  readonly activityLogs: string;
  readonly a2aTasks: string;
  readonly sweeperState: string;
  readonly sweeperThreshold: string;
  readonly sweeperRetention: string;
  /** In the schema of the delegations. */
  readonly functions: Readonly<Record<keyof typeof functionNames, string>>;
}

export function ledgerTables(db: LedgerDb): LedgerTables {
  const delegations = tableReference(db, 'delegations');
  const functions = Object.fromEntries(
    Object.entries(functionNames).map(([key, name]) => [key, delegations.replace(/"delegations"$/, `"${name}"`)]),
  );
  return {
    delegations,
    functions: functions as LedgerTables['functions'],
    activityLogs: tableReference(db, 'activity_logs'),
    a2aTasks: tableReference(db, 'a2a_tasks'),
    sweeperState: tableReference(db, 'sweeper_state'),
    sweeperThreshold: tableReference(db, 'sweeper_threshold'),
    sweeperRetention: tableReference(db, 'sweeper_retention'),
  };
}
