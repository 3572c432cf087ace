import type { RuleName } from './rules.ts';

/** Told what no event says. */
export interface SweepObserver {
  /**
   * One call a committed batch. Each row's latency in milliseconds: from the moment it came to match the rule, in
   * observed time, until it was marked.
   */
  marked(rule: RuleName, latenciesMs: readonly number[]): void;
}
