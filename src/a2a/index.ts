/** The ledger under the A2A protocol: for programs that use `@a2a-js/sdk`. */
export { Follower, type FollowerOptions, type SawOptions } from './follower.ts';
export { type Observation, observationOf } from './task-state.ts';
