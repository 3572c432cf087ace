/** The ledger library: what an orchestrator or an agent imports. */
export type {
  FailedEvent,
  HeldEvent,
  LateResultEvent,
  LedgerEvent,
  ReleasedEvent,
  StuckEvent,
} from './events/ledger-event.ts';
export type { A2aObservation, A2aStep } from './ledger/a2a-observation.ts';
export type {
  A2aBeginResult,
  A2aObserveOptions,
  A2aObserveResult,
  A2aSide,
  A2aStoreState,
  OpenA2aTask,
} from './ledger/a2a-results.ts';
export type { A2aTask, NotifiedA2aTask } from './ledger/a2a-task.ts';
export type { A2aTasks } from './ledger/a2a-tasks.ts';
export type { Activity, ActivityEvent } from './ledger/activity.ts';
export { type ReplayedWait, replay, replayWait } from './ledger/activity.ts';
export type { AdjustOptions, AdjustResult } from './ledger/adjustment.ts';
export type { Delegation } from './ledger/delegation.ts';
export { DelegationLostError, InvalidArgumentError } from './ledger/errors.ts';
export type { HeartbeatOptions } from './ledger/heartbeat-options.ts';
export type { HeartbeatResult } from './ledger/heartbeat-result.ts';
export type { InsertArguments } from './ledger/insert-arguments.ts';
export type { InsertResult } from './ledger/insert-result.ts';
export type { KeepAlive, KeepAliveOptions } from './ledger/keep-alive.ts';
export { DelegationLedger, type LedgerOptions, type LogSink } from './ledger/ledger.ts';
export type { ListOptions, ListResult } from './ledger/listing.ts';
export {
  createLedgerPool,
  type LedgerPoolOptions,
  type OpenLedgerOptions,
  type OwnedLedger,
  openLedger,
} from './ledger/open-ledger.ts';
export type { RetryOptions, RetryResult } from './ledger/retry.ts';
export type { SetStatusOptions } from './ledger/set-status-options.ts';
export type { SetStatusResult } from './ledger/set-status-result.ts';
export { isTerminal, mayBecome, type Status, statuses, transitions } from './ledger/transitions.ts';
export type { ResumeOptions, ResumeResult, WaitOptions, WaitResult } from './ledger/waiting.ts';
export type { DelegationChange, MissingDelegation, RecordedChange } from './ledger/watch/change.ts';
export type { Watch } from './ledger/watch/watch.ts';
export type { WatchOptions, WatchTarget } from './ledger/watch/watch-request.ts';
