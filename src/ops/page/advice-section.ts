import type { CalleeAdvice } from '../../sweeper/advice/advice.ts';
import type { Advice } from '../../sweeper/advice/advisor.ts';
import {
  calleeWords,
  detectionWords,
  falseMarkWords,
  gapWords,
  sampledWords,
  thresholdWords,
  todayWords,
} from './advice-words.ts';
import { count, percentage } from './format.ts';
import { type Html, html } from './html.ts';
import { calleeLink } from './links.ts';
import { stackedTable } from './table.ts';

const columns = [
  { name: 'Callee' },
  { name: 'Followed' },
  { name: '99.9% of gaps' },
  { name: 'False marks' },
  { name: 'Found after' },
  { name: 'Today' },
  { name: 'Advice' },
];

/** The threshold that the evidence supports, callee by callee. */
export function adviceSection(advice: Advice | null): Html {
  return html`<section><h2>Threshold advice</h2>${
    advice === null ? html`<p class="none">Could not be read in time.</p>` : adviceTable(advice)
  }</section>`;
}

function adviceTable({ callees, calleesKnown, days, delegationsMin, falseShareMax, confidence }: Advice): Html {
  if (callees.length === 0) {
    return html`<p class="none">No evidence yet. The daemon follows a sample of the delegations from their entry to in progress to their end.</p>`;
  }
  const shown = callees.filter(({ calleeId }) => calleeId !== null).length;
  const others =
    calleesKnown > shown ? ` The ${count(shown)} of ${count(calleesKnown)} callees with most evidence.` : '';
  return html`<p class="sub">The smallest threshold that would have marked at most ${percentage(falseShareMax)} of the delegations of the last ${days} days falsely, at ${percentage(confidence)} confidence.${others}</p>
${stackedTable({ caption: 'The threshold that the evidence supports, by callee', columns, rows: callees.map((each) => cells(each, delegationsMin)) })}`;
}

function cells(advice: CalleeAdvice, delegationsMin: number): readonly (Html | string)[] {
  return [
    advice.calleeId === null ? calleeWords(advice) : calleeLink(advice.calleeId),
    sampledWords(advice),
    gapWords(advice) ?? '–',
    falseMarkWords(advice) ?? 'no mark',
    detectionWords(advice) ?? '–',
    todayWords(advice),
    thresholdWords(advice, delegationsMin),
  ];
}
