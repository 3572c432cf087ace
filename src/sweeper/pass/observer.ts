import type { RuleName } from './rules.ts';

/** Receives measurements that no event has. */
export interface SweepObserver {
  /**
   * Called once per committed batch, with each row's latency in milliseconds: from the moment it began to match the rule,
   * in observed time, until it was marked.
   */
  marked(rule: RuleName, latenciesMs: readonly number[]): void;
}
