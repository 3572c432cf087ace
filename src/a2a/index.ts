/** The ledger under the A2A protocol: for programs that use `@a2a-js/sdk`. */
export { ledgerTransport } from './caller/ledger-transport.ts';
export type { DelegationChoice, LedgerTransportOptions, OutgoingMessage } from './caller/options.ts';
export { Follower, type FollowerOptions, type SawOptions } from './follower.ts';
export { type PushReceiverOptions, pushReceiver } from './push-receiver.ts';
export { type Observation, observationOf } from './task-state.ts';
