/** What a prune did or, if it was a dry run, what it would have done. `prune --json` prints it as it is. */
export interface PruneSummary {
  readonly dryRun: boolean;
  /** Rows of each table. */
  readonly delegations: number;
  readonly activity: number;
  /** Delegations that were due and stayed for now: another session had locked them, or something was recorded of them meanwhile. */
  readonly skipped: number;
  /** Ids whose removal the database refused, by a foreign key or a trigger that is not the ledger's. */
  readonly refused: number;
  /** The first of these. */
  readonly refusal: Refusal | null;
  /** Transactions that removed something. */
  readonly batches: number;
  readonly durationMs: number;
  /** It ended before all that is due was looked at. */
  readonly interrupted: boolean;
  /** Delegations that ended before this were due; null: RETENTION_DELEGATIONS is not set. */
  readonly delegationsBefore: string | null;
  /** Activity was due of which nothing is newer than this. */
  readonly activityBefore: string;
}

export interface Refusal {
  readonly delegationId: string;
  readonly err: { readonly code: string | null; readonly message: string };
}

export type PruneCounts = Pick<
  PruneSummary,
  'delegations' | 'activity' | 'skipped' | 'refused' | 'refusal' | 'batches'
>;

export const nothingPruned: PruneCounts = {
  delegations: 0,
  activity: 0,
  skipped: 0,
  refused: 0,
  refusal: null,
  batches: 0,
};
