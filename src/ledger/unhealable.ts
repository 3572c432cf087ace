/**
 * The kind of notice that is not forgotten with time: a delegation that the reconciler cannot make again was reported, and
 * is not reported again while its activity is there. The reconciler removes it (src/housekeeping/reconciliation).
 */
export const UNHEALABLE = 'unhealable';
