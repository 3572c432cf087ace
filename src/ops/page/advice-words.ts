import type { CalleeAdvice } from '../../sweeper/advice/advice.ts';
import { count, duration, percentage } from './format.ts';

/** The words about one callee's threshold, on the page and in the command line's answer. */

export function calleeWords({ calleeId }: CalleeAdvice): string {
  return calleeId ?? 'all others, together';
}

export function sampledWords({ evidence: { delegations, started } }: CalleeAdvice): string {
  return `${count(delegations)} of ${count(started)}`;
}

export function gapWords({ gapMs }: CalleeAdvice): string | null {
  return gapMs === null ? null : duration(gapMs);
}

export function falseMarkWords({ falseMarkShare, evidence: { marks, falseMarks } }: CalleeAdvice): string | null {
  return falseMarkShare === null ? null : `${count(falseMarks)} of ${count(marks)}, ${percentage(falseMarkShare)}`;
}

/** The median and the 99 % quantile. */
export function detectionWords({ detection: { p50Ms, p99Ms } }: CalleeAdvice): string | null {
  if (p50Ms === null) return null;
  return p99Ms === null ? duration(p50Ms) : `${duration(p50Ms)}, 99% in ${duration(p99Ms)}`;
}

export function todayWords({ today: { minMs, maxMs } }: CalleeAdvice): string {
  return minMs === maxMs ? duration(minMs) : `${duration(minMs)} to ${duration(maxMs)}`;
}

export function thresholdWords(advice: CalleeAdvice, delegationsMin: number): string {
  const { threshold, verdict, evidence, falseShareToday, gainMs } = advice;
  if (threshold === null) {
    const needed = Math.ceil(delegationsMin / 100) * 100;
    return `too little evidence: ${count(evidence.delegations)} of about ${count(needed)}`;
  }
  switch (verdict) {
    case 'too_tight':
      return `${duration(threshold.ms)}: today’s is too tight, ${percentage(falseShareToday ?? 0)} exceed it`;
    case 'could_be_shorter':
      return `${duration(threshold.ms)}: dead agents are found ${duration(gainMs ?? 0)} earlier`;
    default:
      return `as it is; ${duration(threshold.exactMs)} would do`;
  }
}
