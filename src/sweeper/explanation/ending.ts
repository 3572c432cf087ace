import type { Status } from '../../ledger/transitions.ts';
import type { IsoInstant } from '../instant.ts';
import type { RuleName } from '../pass/rules.ts';
import type { NotCounted } from './verdict.ts';

/** How a delegation ended. */
export interface Ending {
  readonly status: Status;
  readonly at: IsoInstant;
  /** Who said so: `sweeper`, `ledger`, the name that the caller gave, or a role; null where no activity says it. */
  readonly actor: string | null;
  /** Why a sweep marked it; null where no sweep did. */
  readonly mark: MarkEvidence | null;
  /** Results that came after it, oldest first. */
  readonly lateResults: readonly LateResult[];
  /** There are more than are listed. */
  readonly lateResultsCutShort: boolean;
  /** The delegation that tries it again; null: none. */
  readonly retriedAs: string | null;
}

/** What the sweep recorded that marked it. */
export interface MarkEvidence {
  readonly sweepId: string;
  readonly rule: RuleName;
  readonly fromStatus: Status | null;
  /** How long it was silent, without progress, or overdue. */
  readonly latenessMs: number;
  /** The silence, or the time without progress, that was allowed; null for a deadline. */
  readonly allowedMs: number | null;
  readonly lastHeartbeat: IsoInstant | null;
  readonly deadline: IsoInstant | null;
  readonly progress: string | null;
  readonly progressAt: IsoInstant | null;
  /** Time between the last heartbeat and the mark that did not count, as far as it is still recorded. */
  readonly notCounted: readonly NotCounted[];
  /** What came of asking its agent; null: it was not asked. */
  readonly probe: { readonly outcome: string; readonly reason: string | null } | null;
}

export interface LateResult {
  readonly at: IsoInstant;
  /** After the end. */
  readonly afterMs: number;
  /** The status that it would have had. */
  readonly status: Status;
  readonly actor: string;
  /** Null unless previews were asked for, or where there was none. */
  readonly resultPreview: string | null;
  readonly errorDetail: string | null;
}
