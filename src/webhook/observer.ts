/** Counts attempts. */
export interface WebhookObserver {
  /** failed: it is tried again; dead: it is a dead letter. */
  posted(outcome: 'delivered' | 'failed' | 'dead', tookMs: number): void;
}
