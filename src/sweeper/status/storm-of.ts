import type { DaemonState } from './statements/daemon-state.ts';
import type { Storm } from './status.ts';

/** Pure: whether the storm guard holds, by what the sweeps keep. `maxHoldMs`: STORM_MAX_HOLD. */
export function stormOf(
  { stormHeldSince, stormUnobservedMs, stormReleasedAt, stormReleasedWhy }: DaemonState,
  maxHoldMs: number,
): Storm {
  if (stormHeldSince === null || stormReleasedWhy === 'calm') return { state: 'calm', since: null, until: null };
  if (stormReleasedAt !== null) return { state: 'released', since: stormReleasedAt, until: null };
  const until = new Date(stormHeldSince.getTime() + stormUnobservedMs + maxHoldMs);
  return { state: 'held', since: stormHeldSince, until };
}
