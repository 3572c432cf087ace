import type { Fault } from './fault.ts';
import { faultsOfNetwork } from './faults-of-network.ts';
import { faultsOfProcesses } from './faults-of-processes.ts';
import { faultsOfServer } from './faults-of-server.ts';
import { faultsOfThresholds } from './faults-of-thresholds.ts';
import type { Random } from './random.ts';

export const faults: readonly Fault[] = [
  ...faultsOfProcesses,
  ...faultsOfNetwork,
  ...faultsOfServer,
  ...faultsOfThresholds,
];

/**
 * Every fault once, in a random order. Those with an aftermath, which takes a minute, come first: others are injected
 * meanwhile. A short run has one of these.
 */
export function deckOf(possible: readonly Fault[], random: Random, isShort: boolean): Fault[] {
  const shuffled = random.shuffled(possible);
  const long = shuffled.filter(({ aftermath }) => aftermath !== undefined);
  const others = shuffled.filter(({ aftermath }) => aftermath === undefined);
  return [...(isShort ? long.slice(0, 1) : long), ...others];
}
