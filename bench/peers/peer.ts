import type { Contestant } from '../turns.ts';

/** A program to compare with, in its own database on the same server. */
export interface Peer extends Contestant, AsyncDisposable {}

/** Throws when the peer did not do all of the timed work. */
export function expectCount(peer: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${peer} moved ${found} of ${expected} rows`);
}
