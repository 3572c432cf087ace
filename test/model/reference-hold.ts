import type { Hold } from './operation.ts';
import type { Ledger } from './reference-ledger.ts';

/** What an operator's hold promises. */

export function isHeld({ heldUntilAt, now }: Ledger): boolean {
  return heldUntilAt !== null && heldUntilAt > now;
}

/** In place of one that is in force. */
export function hold(ledger: Ledger, { ticks }: Pick<Hold, 'ticks'>) {
  const result = { outcome: 'held', replaced: isHeld(ledger) };
  return { ledger: { ...ledger, heldUntilAt: ledger.now + ticks + 0.5 }, result };
}

export function release(ledger: Ledger) {
  const result = { outcome: isHeld(ledger) ? 'released' : 'not_held' };
  return { ledger: { ...ledger, heldUntilAt: null }, result };
}
