import type { RuleName } from './pass/rules.ts';

/** A row that a dry run would have changed. The name of its lateness depends on the rule. */
export type PlannedRow = { readonly delegationId: string } & (
  | { readonly rule: 'stale'; readonly silentMs: number }
  | { readonly rule: 'overdue'; readonly overdueMs: number }
);

/** What one sweep did. `sweep --json` prints it unchanged. */
export interface SweepSummary {
  readonly sweepId: string;
  /** Delegations marked stuck, and failed for their deadline. */
  readonly stuck: number;
  readonly failed: number;
  /** Rows whose update raises an error. */
  readonly poisoned: number;
  /** What still matches a rule at the end: locked by others, held, or over budget. Counted to 10,000 at most. */
  readonly remaining: number;
  /** The sweep ended before its rows did: over budget, interrupted, or superseded. */
  readonly truncated: boolean;
  /** The storm guard held the stale rule. */
  readonly held: boolean;
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

export function plannedRow(rule: RuleName, delegationId: string, latenessMs: number): PlannedRow {
  return rule === 'stale'
    ? { delegationId, rule, silentMs: latenessMs }
    : { delegationId, rule, overdueMs: latenessMs };
}

/** The summary of a sweep that was refused. */
export const nothingDone: Omit<SweepSummary, 'sweepId' | 'durationMs'> = {
  stuck: 0,
  failed: 0,
  poisoned: 0,
  remaining: 0,
  truncated: false,
  held: false,
  batches: 0,
  unobservedMs: 0,
  dryRun: false,
  rows: [],
};

/** The fields of its event. */
export function summaryFields({ dryRun: _, rows: __, ...fields }: SweepSummary) {
  return fields;
}
