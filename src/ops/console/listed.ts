import type { ListQuery } from '../page/links.ts';

/** What the list shows of a delegation: no preview. */
export interface ListedDelegation {
  readonly delegationId: string;
  readonly callerId: string;
  readonly calleeId: string;
  readonly status: string;
  readonly attempt: number;
  readonly createdAt: Date;
  readonly lastHeartbeat: Date | null;
  readonly waitingUntil: Date | null;
  readonly deadline: Date;
  readonly finishedAt: Date | null;
}

/** A page of the list. */
export interface Listing {
  /** Newest first. */
  readonly rows: readonly ListedDelegation[];
  /** Where the next page begins; null on the last one. */
  readonly next: string | null;
  /** The database's clock. */
  readonly now: Date;
}

/** Reads a page of the list. Rejects with BadFilters, or with the database's error. */
export type ReadListing = (query: ListQuery) => Promise<Listing>;
