import type { DamageKind, HealingOutcome } from '../../ledger/functions/reconcile.ts';
import type { Status } from '../../ledger/transitions.ts';
import type { ErrorFields } from '../../log/error-fields.ts';

/** What was wrong with a delegation, and what became of it, or would. */
export interface Healing {
  readonly delegationId: string;
  /** Null where it could not be judged. */
  readonly kind: DamageKind | null;
  /**
   * `healed`: row and activity agree now. `recorded`: a result that the row can no longer take became a late result.
   * `impossible`: nothing names what the row would hold. `locked`: another session keeps it locked, so that it is left to
   * the next run. `failed`: the database refused it, see `err`.
   */
  readonly outcome: HealingOutcome | 'locked' | 'failed';
  /** The status of the row, or in the activity, before and after. */
  readonly from: Status | null;
  readonly to: Status | null;
  readonly err: ErrorFields | null;
}
