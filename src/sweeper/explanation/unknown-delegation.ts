import type { IsoInstant } from '../instant.ts';
import type { Timeline } from './timeline.ts';

/** An id that the ledger does not hold. */
export interface UnknownDelegation {
  readonly now: IsoInstant;
  readonly delegationId: string;
  /** Its activity, which outlives the row: it was deleted, or an update came for one that was never inserted. Null: none. */
  readonly activity: Timeline | null;
  /** What ended before this instant may have been removed by a retention; null: nothing ever was. */
  readonly removedBefore: IsoInstant | null;
  /** The delegation that tries it again; null: none does. */
  readonly retriedAs: string | null;
  /** Ids that it may have been meant for, the likeliest first. */
  readonly near: readonly string[];
}
