import { add, BUCKET_GROWTH, endOf, type Histogram, inOrder, quantile, total } from './buckets.ts';
import { CONFIDENCE, exceedingAllowed, SAMPLE_MIN } from './confidence.ts';
import { roundedUp } from './readable.ts';

/** The gap that this share of the gaps does not exceed. */
const GAP_SHARE = 0.999;
/** With fewer marks a quantile of the time to detection says nothing: three beyond it are expected. */
const marksMin = (share: number) => Math.ceil(3 / (1 - share));

/** What is known of one callee, from the last 30 days. */
export interface CalleeEvidence {
  /** Null: the callees that are not counted apart, together. */
  readonly calleeId: string | null;
  readonly started: number;
  readonly gaps: Histogram;
  readonly longest: Histogram;
  readonly detected: Histogram;
  /** Of those followed, those with a threshold of their own. */
  readonly own: { readonly count: number; readonly minMs: number; readonly maxMs: number } | null;
  /** How long each delegation was silent, in observed time, that was marked and still delivered a result. */
  readonly falselyMarkedMs: readonly number[];
}

/**
 * `too_little`: evidence, so nothing is said. `too_tight`: today's threshold marks more than one in a thousand falsely, or
 * may. `could_be_shorter`: a shorter one would not, and finds dead agents earlier.
 */
export const verdicts = ['too_little', 'too_tight', 'fits', 'could_be_shorter'] as const;
export type Verdict = (typeof verdicts)[number];

export interface CalleeAdvice {
  readonly calleeId: string | null;
  readonly verdict: Verdict;
  readonly evidence: {
    /** Delegations that were followed from their entry to in_progress to their end, of so many that entered, about. */
    readonly delegations: number;
    readonly started: number;
    readonly gaps: number;
    /** For silence; of these, those whose delegation still delivered a result. */
    readonly marks: number;
    readonly falseMarks: number;
  };
  /** The time between two signs of life that 99.9 % do not exceed; null: too little evidence. */
  readonly gapMs: number | null;
  /** Share of the marks that were false; null: there was none. */
  readonly falseMarkShare: number | null;
  /** Silence when a mark came; null: too few marks. */
  readonly detection: { readonly p50Ms: number | null; readonly p99Ms: number | null };
  /** Shortest and longest threshold by which its delegations are judged. */
  readonly today: { readonly minMs: number; readonly maxMs: number };
  /** The smallest threshold that would have marked falsely at most one in a thousand. */
  readonly threshold: {
    readonly ms: number;
    /** Before it was rounded up to a duration that people write. */
    readonly exactMs: number;
    /** Of the delegations followed, those that were silent for longer than `exactMs`. */
    readonly exceeding: number;
    readonly confidence: number;
  } | null;
  /** Of the delegations, the share that today's shortest threshold marks falsely; null: too little evidence. */
  readonly falseShareToday: number | null;
  /** By how much earlier than today a dead agent would be found; negative: later. */
  readonly gainMs: number | null;
}

/** Pure: what the evidence says about a callee's threshold. Nothing beyond what was seen, and nothing on too little. */
export function adviceOf(evidence: CalleeEvidence, inForceMs: number): CalleeAdvice {
  const { calleeId, gaps, longest, detected, falselyMarkedMs } = evidence;
  const delegations = total(longest);
  const started = Math.max(evidence.started, delegations);
  const [gapCount, marks] = [total(gaps), total(detected)];
  const today = todayOf(evidence, delegations, inForceMs);
  const silences = silencesOf(longest, falselyMarkedMs, delegations / Math.max(1, started));
  const threshold = thresholdOf(silences, delegations);
  return {
    calleeId,
    verdict: threshold === null ? 'too_little' : verdictOf(threshold, today),
    evidence: { delegations, started, gaps: gapCount, marks, falseMarks: falselyMarkedMs.length },
    gapMs: gapCount < SAMPLE_MIN ? null : rounded(quantile(gaps, GAP_SHARE)),
    falseMarkShare: marks === 0 ? null : Math.min(1, falselyMarkedMs.length / marks),
    detection: { p50Ms: detectionMs(detected, marks, 0.5), p99Ms: detectionMs(detected, marks, 0.99) },
    today,
    threshold,
    falseShareToday: threshold === null ? null : shareExceeding(silences, today.minMs, delegations),
    gainMs: threshold === null ? null : gainMs(threshold, today),
  };
}

/** Silences that were survived, longest first, and how many of the delegations followed each stands for. */
type Silences = readonly (readonly [ms: number, weight: number])[];

/**
 * The longest silences of the delegations followed, and those of all that were marked falsely, of which the sample has as
 * small a share as of the others.
 */
function silencesOf(longest: Histogram, falselyMarkedMs: readonly number[], sampledShare: number): Silences {
  const weights: Histogram = new Map(longest);
  for (const ms of falselyMarkedMs) add(weights, ms, sampledShare);
  return inOrder(weights)
    .map(([bucket, weight]) => [endOf(bucket), weight] as const)
    .reverse();
}

/** The shortest of the silences seen that no more exceed than may; null: too few delegations were seen. */
function thresholdOf(silences: Silences, delegations: number): CalleeAdvice['threshold'] {
  const allowed = exceedingAllowed(delegations);
  if (allowed === null) return null;
  let [exactMs, exceeding, longer] = [0, 0, 0];
  for (const [ms, weight] of silences) {
    if (longer > allowed) break;
    [exactMs, exceeding] = [ms, longer];
    longer += weight;
  }
  return {
    ms: roundedUp(exactMs),
    exactMs: Math.ceil(exactMs),
    exceeding: Math.round(exceeding * 10) / 10,
    confidence: CONFIDENCE,
  };
}

/** Of the delegations, the share that was certainly silent for longer. */
function shareExceeding(silences: Silences, thresholdMs: number, delegations: number): number {
  const longer = silences.filter(([ms]) => ms / BUCKET_GROWTH >= thresholdMs);
  return Math.min(1, longer.reduce((sum, [, weight]) => sum + weight, 0) / delegations);
}

function todayOf({ own }: CalleeEvidence, delegations: number, inForceMs: number): CalleeAdvice['today'] {
  if (own === null) return { minMs: inForceMs, maxMs: inForceMs };
  const common = own.count < delegations ? [inForceMs] : [];
  return { minMs: Math.min(own.minMs, ...common), maxMs: Math.max(own.maxMs, ...common) };
}

type Threshold = NonNullable<CalleeAdvice['threshold']>;

/** Within the width of a bucket it is not known which of the two is longer. */
function verdictOf({ ms, exactMs }: Threshold, { minMs, maxMs }: CalleeAdvice['today']): Verdict {
  if (minMs < exactMs / BUCKET_GROWTH) return 'too_tight';
  return maxMs > ms ? 'could_be_shorter' : 'fits';
}

function gainMs(threshold: Threshold, today: CalleeAdvice['today']): number {
  const verdict = verdictOf(threshold, today);
  if (verdict === 'fits') return 0;
  return (verdict === 'too_tight' ? today.minMs : today.maxMs) - threshold.ms;
}

function detectionMs(detected: Histogram, marks: number, share: number): number | null {
  return marks < marksMin(share) ? null : rounded(quantile(detected, share));
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.ceil(ms);
}
