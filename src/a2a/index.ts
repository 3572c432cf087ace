/** The ledger under the A2A protocol: for programs that use `@a2a-js/sdk`. */
export type { CalleeOptions, TaskScope } from './callee/callee-options.ts';
export { forwardOnly } from './callee/forward-only.ts';
export { ledgerExecutor } from './callee/ledger-executor.ts';
export { LedgerTaskStore } from './callee/ledger-task-store.ts';
export { TaskWatch } from './callee/task-watch.ts';
export type { TaskWatchOptions } from './callee/task-watch-options.ts';
export { ledgerTransport } from './caller/ledger-transport.ts';
export type { DelegationChoice, LedgerTransportOptions, OutgoingMessage } from './caller/options.ts';
export { Follower, type FollowerOptions, type SawOptions } from './follower.ts';
export { type PushReceiverOptions, pushReceiver } from './push-receiver.ts';
export { type Observation, observationOf } from './task-state.ts';
