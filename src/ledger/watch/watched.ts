import type { DelegationChange } from './change.ts';

/** What a look has found. */
export interface Look {
  /** Those of one delegation in their order. */
  readonly changes: readonly DelegationChange[];
  /** All that is watched has ended. */
  readonly isOver: boolean;
  /** More is there already: the next look need not wait. */
  readonly hasMore: boolean;
}

/** What a watch looks at. */
export interface Watched {
  /** Reads, and changes nothing: a look without an answer in time is given up. What it returns takes the answer over. */
  look(): Promise<() => Look>;
  /** The last look failed: the database may be another one when it is back. */
  onOutage?(): void;
  /** The next change of the last look is handed out. */
  handedOut?(): void;
  /** Where to go on after what has been handed out; null where there is no such place, or none yet. */
  readonly cursor: string | null;
}

/**
 * The server gives a look up after so long, before the pool and the watch do. By boundedRead, since a look must not be planned for the
 * whole table, nor compiled: the server would do that for the estimated cost of many ids, and it takes longer than the look.
 */
export const LOOK_TIMEOUT_MS = 8_000;
