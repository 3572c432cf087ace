/** What may be wrong between a delegation and its activity: src/ledger/functions/reconcile.ts. */
export const damageKinds = ['row_missing', 'row_behind', 'activity_missing', 'ended_twice', 'orphan_result'] as const;
