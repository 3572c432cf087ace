import type { RetryRow } from '../sweeper/retries/many-retries.ts';

/** How many had each outcome. */
export type RetryTotals = Readonly<Record<RetryRow['outcome'], number>> & { readonly interrupted: boolean };

export const noRetries: RetryTotals = {
  inserted: 0,
  duplicate: 0,
  refused: 0,
  missing: 0,
  failed: 0,
  interrupted: false,
};

export function withRetries(totals: RetryTotals, rows: readonly RetryRow[]): RetryTotals {
  const counts = { ...totals };
  for (const { outcome } of rows) counts[outcome] += 1;
  return counts;
}

/** All delegations that were looked at. */
export function lookedAt({ inserted, duplicate, refused, missing, failed }: RetryTotals): number {
  return inserted + duplicate + refused + missing + failed;
}
