/**
 * `problem`: delegations are judged late, wrongly or not at all, or soon will be. `advice`: it works, and something makes
 * it slower, or less certain than it should be.
 */
export type Severity = 'problem' | 'advice';

/** One thing that is wrong with this installation. */
export interface Finding {
  /** The check that found it. */
  readonly check: string;
  readonly severity: Severity;
  readonly what: string;
  /** How it is known: the figures. */
  readonly how: string;
  /** What to do, with a command where there is one. */
  readonly remedy: string;
}

/** What became of one check. */
export interface CheckResult {
  readonly check: string;
  /** `not_run`: nothing was found, and it or a part of it could not be checked, for `reason`. */
  readonly outcome: 'passed' | 'found' | 'not_run';
  /** Why it, or a part of it, could not be checked. */
  readonly reason: string | null;
  /** What it saw that is worth knowing, and nothing is wrong with. */
  readonly notes: readonly string[];
  readonly durationMs: number;
}

export interface Examination {
  /** False: the database was away, or went away. */
  readonly reachable: boolean;
  /** Problems first. */
  readonly findings: readonly Finding[];
  /** In the order in which they ran. */
  readonly checks: readonly CheckResult[];
}
