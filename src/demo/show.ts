import type { PerformanceOptions } from './performance.ts';
import type { Result } from './verdict.ts';

/** What a demo shows. */
export interface Show {
  readonly roles: readonly string[];
  /** Added to the daemon's configuration. */
  readonly env: Readonly<Record<string, string>>;
  /** Plays all roles at once; one result each. */
  readonly perform: (options: PerformanceOptions) => Promise<Result[]>;
}
