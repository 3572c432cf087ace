import type { Contestant } from '../turns.ts';

/** A contestant with a database of its own, on the same server. */
export interface Peer extends Contestant, AsyncDisposable {}

/** Throws when the peer did not do all of the work that it was timed for. */
export function expectCount(peer: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${peer} moved ${found} of ${expected} rows`);
}
