import type { DamageKind } from '../../ledger/functions/reconcile.ts';
import type { ReconcilerStep } from './reconciler.ts';

/** How many delegations were looked at, and how many had each damage. */
export interface ReconcileSummary {
  readonly delegations: number;
  readonly activities: number;
  readonly rowsMissing: number;
  readonly rowsBehind: number;
  readonly activitiesMissing: number;
  readonly endedTwice: number;
  readonly orphanResults: number;
  readonly impossible: number;
  readonly locked: number;
  readonly failed: number;
  /** It was ended between two steps; the rest is left to the next run. */
  readonly interrupted: boolean;
}

export const nothingReconciled: ReconcileSummary = {
  delegations: 0,
  activities: 0,
  rowsMissing: 0,
  rowsBehind: 0,
  activitiesMissing: 0,
  endedTwice: 0,
  orphanResults: 0,
  impossible: 0,
  locked: 0,
  failed: 0,
  interrupted: false,
};

const counted = {
  row_missing: 'rowsMissing',
  row_behind: 'rowsBehind',
  activity_missing: 'activitiesMissing',
  ended_twice: 'endedTwice',
  orphan_result: 'orphanResults',
} as const satisfies Record<DamageKind, keyof ReconcileSummary>;

export function withStep(summary: ReconcileSummary, step: ReconcilerStep): ReconcileSummary {
  const sum = {
    ...summary,
    delegations: summary.delegations + step.delegations,
    activities: summary.activities + step.activities,
  };
  for (const { kind, outcome } of step.healings) {
    const isDone = outcome === 'healed' || outcome === 'recorded';
    sum[isDone ? counted[kind!] : outcome] += 1;
  }
  return sum;
}

/** The delegations' damages that were healed, of all kinds. */
export function healedOf(summary: ReconcileSummary): number {
  return Object.values(counted).reduce((sum, name) => sum + summary[name], 0);
}
