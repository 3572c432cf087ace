import { duration } from '../../log/duration.ts';
import { instant } from '../../log/instant.ts';
import { visible } from '../../log/visible.ts';
import type { Ending, MarkEvidence } from './ending.ts';
import type { Explanation } from './explanation.ts';
import type { Silence, ThresholdSource, Verdict } from './verdict.ts';

export type Unworded = Omit<Explanation, 'why' | 'next'>;

const sources: Readonly<Record<ThresholdSource, string>> = {
  own: 'its own threshold',
  own_lowered: 'its own threshold of before it was lowered',
  stuck_after: 'STUCK_AFTER',
  stuck_after_lowered: 'STUCK_AFTER of before it was lowered',
  configuration: 'STUCK_AFTER here; no daemon has run yet',
};

/** Pure: why a delegation is as it is, in one sentence. */
export function whyOf(explanation: Unworded): string {
  const { ending, verdict } = explanation;
  if (ending !== null) return `${endWords(explanation, ending)}${afterwards(ending)}.`;
  return `${verdict === null ? explanation.delegation.status : openWords(explanation, verdict)}.`;
}

function endWords({ now, delegation, activityIsGone }: Unworded, { status, at, actor, mark }: Ending): string {
  const since = `${status} since ${atWords(at, now)}`;
  if (mark !== null) return `${since}: ${markWords(mark, delegation.stuckAfterMs, now)}`;
  if (activityIsGone) return `${since}; its activity, which says by whom, was removed (RETENTION_ACTIVITY)`;
  if (actor === null) return `${since}; the activity that says by whom is gone`;
  return `${since}: ${visible(actor)} said so`;
}

function markWords(mark: MarkEvidence, ownMs: number | null, now: string): string {
  const { rule, latenessMs, allowedMs, deadline, notCounted } = mark;
  const lateness = duration(latenessMs);
  const apart = notCounted.reduce((sum, { ms }) => sum + ms, 0);
  const counted = apart > 0 ? ` (${duration(apart)} of it, which no daemon observed, did not count)` : '';
  const allowed = allowedMs === null ? 'no more' : duration(allowedMs);
  switch (rule) {
    case 'overdue':
      return `its deadline${deadline === null ? '' : `, ${atWords(deadline, now)},`} had passed ${lateness} before`;
    case 'stale':
      return `it was not heard for ${lateness}${counted}, and ${allowed} was allowed (${allowedMs === ownMs ? sources.own : sources.stuck_after})`;
    case 'stalled':
      return `it was heard, but made no progress for ${lateness}${counted}, and ${allowed} was allowed`;
  }
}

function afterwards({ lateResults, lateResultsCutShort, retriedAs }: Ending): string {
  const [late] = lateResults;
  const others = lateResultsCutShort
    ? ', and many more'
    : lateResults.length > 1
      ? `, and ${lateResults.length - 1} more`
      : '';
  return [
    late === undefined ? '' : `; a result (${late.status}) came ${duration(late.afterMs)} after that${others}`,
    retriedAs === null ? '' : `; it is tried again as ${visible(retriedAs)}`,
  ].join('');
}

function openWords({ now, delegation }: Unworded, { rule, silence, progress, waiting, deadline }: Verdict): string {
  const { status, createdAt } = delegation;
  if (rule === 'overdue') return `${status}, and its deadline passed ${duration(-deadline.leftMs)} ago`;
  if (waiting !== null && !waiting.isOver) {
    return `waiting since ${atWords(waiting.since, now)} for: ${visible(waiting.reason)}; until ${atWords(waiting.until, now)} its silence is allowed`;
  }
  if (silence === null)
    return `${status}: no agent has begun to work on it since it was made at ${atWords(createdAt, now)}`;
  const heard = heardWords(silence, now);
  const allowed = `${duration(silence.threshold.ms)} is allowed (${sources[silence.threshold.source]})`;
  if (rule === 'stalled' && progress !== null) {
    return `in progress, but without progress for ${duration(progress.observedMs)}, and ${duration(progress.stalledAfterMs)} is allowed; it was ${heard}`;
  }
  const apart = silence.wallMs - silence.observedMs;
  const counted = apart > 0 ? `; ${duration(apart)} of that does not count` : '';
  return `in progress: ${heard}${counted}, and ${allowed}`;
}

function heardWords({ heardAt, heardBy, wallMs }: Silence, now: string): string {
  const by = { entry: 'it began', heartbeat: 'a heartbeat', resume: 'a resume', end_of_wait: 'the end of its wait' };
  return `last heard ${duration(wallMs)} ago (${by[heardBy]}, ${atWords(heardAt, now)})`;
}

/** The time of day, with the date where it is another day's. */
export function atWords(at: string, now: string): string {
  return `${instant(new Date(at), new Date(now))} UTC`;
}
