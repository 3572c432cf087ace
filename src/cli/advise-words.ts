import { durationText } from '../config/duration.ts';
import { visible } from '../log/visible.ts';
import {
  calleeWords,
  detectionWords,
  falseMarkWords,
  gapWords,
  sampledWords,
  thresholdWords,
  todayWords,
} from '../ops/page/advice-words.ts';
import { count, duration, percentage } from '../ops/page/format.ts';
import type { CalleeAdvice, Verdict } from '../sweeper/advice/advice.ts';
import type { Advice } from '../sweeper/advice/advisor.ts';
import { type CellStyle, type TableColumn, table } from './table.ts';

const styles: Readonly<Record<Verdict, CellStyle | null>> = {
  too_little: null,
  too_tight: 'red',
  fits: 'green',
  could_be_shorter: 'yellow',
};

/** A row per callee, what the figures mean, and what to do. `callee`: the one that was asked for. */
export function adviseWords(
  advice: Advice,
  callee: string | null,
  { terminal }: { readonly terminal: boolean },
): string {
  const { callees, calleesKnown, days, delegationsMin } = advice;
  if (callees.length === 0) return nothingKnown(callee);
  const columns: readonly TableColumn<CalleeAdvice>[] = [
    { head: 'CALLEE', text: calleeWords, whole: true },
    { head: 'FOLLOWED', text: sampledWords },
    { head: '99.9% OF GAPS', text: gapWords },
    { head: 'FALSE MARKS', text: falseMarkWords },
    { head: 'FOUND AFTER', text: detectionWords },
    { head: 'TODAY', text: todayWords },
    { head: 'ADVICE', text: (each) => thresholdWords(each, delegationsMin), style: ({ verdict }) => styles[verdict] },
  ];
  const apart = callees.filter(({ calleeId }) => calleeId !== null).length;
  return [
    table(callees, columns, { terminal }),
    '',
    ...(calleesKnown > apart && callee === null
      ? [
          `These are the ${count(apart)} of ${count(calleesKnown)} callees with most evidence; --callee names another one.`,
        ]
      : []),
    `From the last ${days} days. The advice is the smallest threshold that would have marked at most ${percentage(advice.falseShareMax)} of the delegations falsely, at ${percentage(advice.confidence)} confidence; gaps are exact to ${duration(advice.resolutionMs)}.`,
    ...todo(callees),
  ].join('\n');
}

function nothingKnown(callee: string | null): string {
  const whose = callee === null ? '' : ` about the callee ${visible(callee)}`;
  return `No evidence${whose} yet. A running daemon gathers it (\`delegation-sweeper start\`): it follows a sample of the delegations from their entry to in_progress to their end.`;
}

/** How a threshold is set, where one should be. */
function todo(callees: readonly CalleeAdvice[]): string[] {
  if (!callees.some(({ verdict }) => verdict === 'too_tight' || verdict === 'could_be_shorter')) return [];
  const longestMs = Math.max(...callees.map(({ threshold }) => threshold?.ms ?? 0));
  return [
    `To follow it, set STUCK_AFTER (${durationText(longestMs)} suits all callees above about which there is advice), or stuckAfterMs of a callee's delegations when they are inserted.`,
  ];
}
