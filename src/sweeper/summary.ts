import type { RuleName } from './pass/rules.ts';

/** A row that a dry run would have changed. The name of its lateness depends on the rule. */
export type PlannedRow = { readonly delegationId: string } & (
  | {
      readonly rule: 'stale' | 'stalled';
      readonly silentMs: number;
      /** Its agent is asked first, and may keep it from being marked. */
      readonly asked?: true;
      /** It is tried again in the same transaction: RETRY_MAX_ATTEMPTS. */
      readonly retried?: true;
    }
  | { readonly rule: 'overdue'; readonly overdueMs: number }
);

/** What one sweep did. `sweep --json` prints it unchanged. */
export interface SweepSummary {
  readonly sweepId: string;
  /** Delegations marked stuck, by silence or by lack of progress, and failed for their deadline. */
  readonly stuck: number;
  readonly failed: number;
  /** Of those marked stuck, those that it tried again: RETRY_MAX_ATTEMPTS. */
  readonly retried: number;
  /** Rows whose update raises an error. */
  readonly poisoned: number;
  /** What still matches a rule at the end: locked by others, held, or over budget. Counted to 10,000 at most. */
  readonly remaining: number;
  /**
   * Rows are left that only another sweep will look at: this one was over budget, was aborted, lost its lease, skipped
   * batches, or was refused. The contract fixes the name. What is held does not count.
   */
  readonly truncated: boolean;
  /** The rules that infer silence, stale and stalled, were held: by the storm guard or an operator. */
  readonly held: boolean;
  /** Who held them; where both did, the operator. */
  readonly heldBy: 'storm' | 'operator' | null;
  /** Transactions that marked rows. */
  readonly batches: number;
  readonly durationMs: number;
  /** Unobserved time, which did not count as silence. */
  readonly unobservedMs: number;
  readonly dryRun: boolean;
  /** Only a dry run fills this. */
  readonly rows: readonly PlannedRow[];
}

/** `due`: a delegation came due between the ticks. */
export type SweepTrigger = 'cron' | 'startup' | 'manual' | 'due';

export interface Foreseen {
  readonly delegationId: string;
  readonly latenessMs: number;
  readonly isAsked: boolean;
  readonly isRetried: boolean;
}

export function plannedRow(rule: RuleName, { delegationId, latenessMs, isAsked, isRetried }: Foreseen): PlannedRow {
  if (rule === 'overdue') return { delegationId, rule, overdueMs: latenessMs };
  const also = { ...(isAsked && { asked: isAsked }), ...(isRetried && { retried: isRetried }) };
  return { delegationId, rule, silentMs: latenessMs, ...also };
}

/** The summary of a sweep that was refused. */
export const nothingDone: Omit<SweepSummary, 'sweepId' | 'durationMs'> = {
  stuck: 0,
  failed: 0,
  retried: 0,
  poisoned: 0,
  remaining: 0,
  truncated: false,
  held: false,
  heldBy: null,
  batches: 0,
  unobservedMs: 0,
  dryRun: false,
  rows: [],
};

/** The fields of its event. */
export function summaryFields({ dryRun: _, rows: __, heldBy: ___, ...fields }: SweepSummary) {
  return fields;
}
