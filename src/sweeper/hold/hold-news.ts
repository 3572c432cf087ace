import type { HoldNews } from '../publishing/hold-publication.ts';
import type { OperatorHold } from './operator-hold.ts';

/** A clock that was set back may have come between two instants. */
export function wholeAndPositive(ms: number): number {
  return Math.max(0, Math.floor(ms));
}

/** The event of an operator's hold that begins. */
export function heldNews({ since, until, madeAt, reason }: OperatorHold): HoldNews {
  const heldForMs = wholeAndPositive(madeAt.getTime() - since.getTime());
  const releasesInMs = wholeAndPositive(until.getTime() - madeAt.getTime());
  return { type: 'sweep.held.v1', data: { by: 'operator', reason, heldForMs, releasesInMs } };
}

/** The event of one that has ended. */
export function releasedNews({ since, endedAt, reason }: OperatorHold, why: 'operator' | 'expired'): HoldNews {
  const heldForMs = wholeAndPositive(endedAt!.getTime() - since.getTime());
  return { type: 'sweep.released.v1', data: { by: 'operator', why, reason, heldForMs } };
}
