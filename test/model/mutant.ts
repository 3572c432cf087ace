import type { Status } from '../../src/ledger/transitions.ts';
import type { StormOptions } from '../../src/sweeper/storm/storm-guard.ts';
import type { Mutation } from './mutation.ts';
import type { Operation, Scenario } from './operation.ts';

/** Which scenarios detect it: see setups.ts. */
export type SetupName = 'plain' | 'own' | 'sequential' | 'interleaved' | 'simultaneous';

export interface Mutant extends Partial<Mutation> {
  readonly name: string;
  readonly setup: SetupName;
  /** The storm guard is told something else than the model. */
  readonly storm?: Partial<StormOptions>;
  /** A scenario that shows it, tried before random ones: without it most would be found, too, but much later. */
  readonly witness?: Scenario;
}

/** One delegation, d0, through the functions of the schema. */
export function story(begins: Status, ...operations: readonly Operation[]): Scenario {
  const steps = operations.map((operation) => ({ step: 'alone', session: 1, operation }) as const);
  return { start: [begins], callees: 1, firstSilence: 0, steps };
}
