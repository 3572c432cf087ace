/** The ledger library: what an orchestrator or an agent imports. */
export type { Activity, ActivityEvent } from './ledger/activity.ts';
export { replay } from './ledger/activity.ts';
export type { Delegation } from './ledger/delegation.ts';
export { DelegationLostError, InvalidArgumentError } from './ledger/errors.ts';
export type { HeartbeatResult } from './ledger/heartbeat-result.ts';
export type { InsertArguments, InsertResult } from './ledger/insertion.ts';
export type { KeepAlive, KeepAliveOptions } from './ledger/keep-alive.ts';
export { DelegationLedger, type LedgerOptions, type LogSink } from './ledger/ledger.ts';
export {
  createLedgerPool,
  type LedgerPoolOptions,
  type OpenLedgerOptions,
  type OwnedLedger,
  openLedger,
} from './ledger/open-ledger.ts';
export type { SetStatusOptions, SetStatusResult } from './ledger/status-change.ts';
export { isTerminal, mayBecome, type Status, statuses, transitions } from './ledger/transitions.ts';
