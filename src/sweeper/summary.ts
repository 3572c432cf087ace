import type { RuleName } from './pass/rules.ts';

/** A row that a dry run would have changed; the lateness stands under the name that fits the rule. */
export type PlannedRow = { readonly delegationId: string } & (
  | { readonly rule: 'stale'; readonly silentMs: number }
  | { readonly rule: 'overdue'; readonly overdueMs: number }
);

/** What one sweep did. `sweep --json` prints it as it is. */
export interface SweepSummary {
  readonly sweepId: string;
  /** Delegations marked stuck, and failed for their deadline. */
  readonly stuck: number;
  readonly failed: number;
  /** Rows whose update raises. */
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
  /** Unobserved time that did not count as silence. */
  readonly unobservedMs: number;
  readonly dryRun: boolean;
  /** Filled by a dry run alone. */
  readonly rows: readonly PlannedRow[];
}

export type SweepTrigger = 'cron' | 'startup' | 'manual';

export function plannedRow(rule: RuleName, delegationId: string, latenessMs: number): PlannedRow {
  return rule === 'stale'
    ? { delegationId, rule, silentMs: latenessMs }
    : { delegationId, rule, overdueMs: latenessMs };
}

/** Of a sweep that was refused. */
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

/** What its event says of it. */
export function summaryFields({ dryRun: _, rows: __, ...fields }: SweepSummary) {
  return fields;
}
