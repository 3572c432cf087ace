import type { Refusal } from './observed-time/refusal.ts';
import type { Opening } from './opening.ts';
import type { Evidence } from './pass/evidence.ts';
import type { RuleOutcome } from './pass/progress.ts';
import type { RuleName } from './pass/rules.ts';
import type { StormReading } from './storm/storm-reading.ts';
import type { SweepRequest } from './sweep-request.ts';
import type { Judgement } from './threshold/staleness.ts';

/** A sweep under way. */
export interface Run {
  readonly sweepId: string;
  readonly request: SweepRequest;
  readonly signal: AbortSignal;
  readonly opening: Opening;
  /** An operator held the rules that infer silence when it began, and it is not forced. */
  readonly isHeld: boolean;
  /** Why silence cannot be judged here; null: it can. */
  readonly refusal: Refusal | null;
  readonly judgement: Judgement;
  readonly suspects: readonly string[];
  readonly evidence: Evidence;
  /** By the process's clock: when it began, and when the database's clock was read. */
  readonly startedAtMs: number;
  readonly openedAtMs: number;
}

/** The outcome of each rule. */
export interface Judged {
  readonly outcomes: Readonly<Record<RuleName, RuleOutcome>>;
  /** Null: the guard could not be read, and nothing was marked stale. */
  readonly storm: StormReading | null;
}
