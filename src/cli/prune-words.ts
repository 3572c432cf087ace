import type { PruneSummary } from '../housekeeping/retention/prune-summary.ts';
import { visible } from '../log/visible.ts';
import { count, duration } from '../ops/page/format.ts';

/** What is asked before it is removed. */
export function pruneQuestion(due: PruneSummary): string {
  return `This removes ${amounts(due)}. It does not come back. Go on?`;
}

/** What a prune did, or would do. */
export function pruneWords(summary: PruneSummary): string {
  const { dryRun, delegations, activity, skipped, refused, refusal, durationMs, interrupted } = summary;
  const nothing = delegations + activity === 0;
  const notes = [
    skipped > 0 &&
      `${count(skipped)} stay for now: they were locked, or something was recorded of them meanwhile. The next prune takes them.`,
    refusal !== null &&
      `The database refused ${count(refused)}, the first of them ${visible(refusal.delegationId)}: ${visible(refusal.err.message)}`,
    interrupted && 'It was ended early, and the rest was left: run it again, and it goes on.',
  ];
  return [
    nothing
      ? `Nothing ${dryRun ? 'is' : 'was'} due: ${due(summary)}.`
      : `${dryRun ? 'Would remove' : 'Removed'} ${amounts(summary)}${dryRun ? '' : `, in ${duration(durationMs)}`}.`,
    ...notes.filter((note) => note !== false),
  ].join('\n');
}

function amounts(summary: PruneSummary): string {
  const { delegations, activity } = summary;
  return `${count(delegations)} ${delegations === 1 ? 'delegation' : 'delegations'} and ${count(activity)} ${activity === 1 ? 'row' : 'rows'} of activity (${due(summary)})`;
}

function due({ delegationsBefore, activityBefore }: PruneSummary): string {
  if (delegationsBefore === null) return `activity of what ended before ${activityBefore}`;
  return activityBefore === delegationsBefore
    ? `what ended before ${delegationsBefore}`
    : `delegations that ended before ${delegationsBefore}, activity of what ended before ${activityBefore}`;
}
