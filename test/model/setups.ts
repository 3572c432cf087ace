import type fc from 'fast-check';
import type { SetupName } from './mutant.ts';
import { interleaved, ownSequential, plainSequential, type Scenario, sequential, simultaneous } from './operation.ts';
import type { SweepBounds } from './reference-sweep.ts';
import type { Way } from './regressions.ts';
import type { SessionPools } from './session-pools.ts';
import { World, type WorldOptions } from './world.ts';

/** MODEL_RUNS=20 for twenty times as many scenarios. */
export const times = Number(process.env.MODEL_RUNS || 1);
/** Beside three other workers on two cores a scenario takes ten times as long as alone. */
export const timeoutMs = 300_000 * times;

/** Small, so that six rows are enough for budgets, batches and storms. */
const narrow: SweepBounds = { batchRowsMax: 2, rowsMax: 3, stormMinStale: 3, stormRatio: 0.5, retriesMax: 0 };
const wide: SweepBounds = { batchRowsMax: 2, rowsMax: 100, stormMinStale: 1, stormRatio: 0, retriesMax: 2 };

export interface Setup {
  readonly way: Way;
  readonly bounds: SweepBounds;
  readonly scenarios: fc.Arbitrary<Scenario>;
}

export const setups = {
  /** With the storm guard, whose model knows no waits, and of limits of a delegation's own the threshold. */
  plain: { way: 'sequential', bounds: narrow, scenarios: plainSequential },
  own: { way: 'sequential', bounds: narrow, scenarios: ownSequential },
  sequential: { way: 'sequential', bounds: wide, scenarios: sequential },
  interleaved: { way: 'interleaved', bounds: wide, scenarios: interleaved },
  simultaneous: { way: 'simultaneous', bounds: wide, scenarios: simultaneous },
} as const satisfies Record<SetupName, Setup>;

/** A world in which such scenarios are played. */
export function worldOf(pools: SessionPools, { way, bounds }: Setup, other: Partial<WorldOptions> = {}): World {
  return new World(pools, { ...other, bounds, connections: way === 'simultaneous' ? 3 : 1 });
}
