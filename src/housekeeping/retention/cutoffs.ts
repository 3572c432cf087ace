import { MICROS_PER_MS, type Micros } from '../../db/instant.ts';

/** RETENTION_DELEGATIONS and RETENTION_ACTIVITY, in milliseconds; null: off. */
export interface RetentionPeriods {
  readonly delegationsMs: number | null;
  readonly activityMs: number | null;
}

/** What one prune removes. Fixed when it begins: what was counted, and agreed to, is what goes. */
export interface Cutoffs {
  /** Delegations that ended before this instant are removed; null: none is. */
  readonly delegationsBefore: Micros | null;
  /** The activity of which nothing is newer than this is removed, of ids without a row. */
  readonly activityBefore: Micros;
  /** So is that of delegations that ended before then and stay: RETENTION_ACTIVITY is set. */
  readonly ofKeptDelegations: boolean;
  /** A delegation's activity goes with its row. False: RETENTION_ACTIVITY is the longer one, and keeps it. */
  readonly withRow: boolean;
  /** A late result that came since then keeps its delegation, and all its activity. */
  readonly lateResultsSince: Micros;
}

/**
 * A result that came late is work that somebody has yet to look at, and what `advise` and `status` call a false positive:
 * the advice rests on thirty days of them.
 */
export const LATE_RESULTS_KEPT_MS = 30 * 86_400_000;

/** Whether anything is ever removed. */
export function isRetentionOn({ delegationsMs, activityMs }: RetentionPeriods): boolean {
  return delegationsMs !== null || activityMs !== null;
}

/** Pure, for periods of which one is set, at this instant of the database's clock. */
export function cutoffsOf({ delegationsMs, activityMs }: RetentionPeriods, nowUs: Micros): Cutoffs {
  const before = (ms: number): Micros => nowUs - ms * MICROS_PER_MS;
  const activityOrRowMs = activityMs ?? delegationsMs;
  if (activityOrRowMs === null) throw new Error('no retention is set');
  return {
    delegationsBefore: delegationsMs === null ? null : before(delegationsMs),
    activityBefore: before(activityOrRowMs),
    ofKeptDelegations: activityMs !== null,
    withRow: delegationsMs !== null && activityOrRowMs <= delegationsMs,
    lateResultsSince: before(LATE_RESULTS_KEPT_MS),
  };
}
