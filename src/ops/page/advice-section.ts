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
<table class="marks advice"><thead><tr><th>Callee</th><th>Followed</th><th>99.9% of gaps</th><th>False marks</th><th>Found after</th><th>Today</th><th>Advice</th></tr></thead>
<tbody>${callees.map((each) => row(each, delegationsMin))}</tbody></table>`;
}

function row(advice: CalleeAdvice, delegationsMin: number): Html {
  const callee = advice.calleeId === null ? calleeWords(advice) : html`<code>${calleeWords(advice)}</code>`;
  return html`<tr><td data-label="Callee">${callee}</td><td data-label="Followed">${sampledWords(advice)}</td><td data-label="99.9% of gaps">${gapWords(advice) ?? '–'}</td><td data-label="False marks">${falseMarkWords(advice) ?? 'no mark'}</td><td data-label="Found after">${detectionWords(advice) ?? '–'}</td><td data-label="Today">${todayWords(advice)}</td><td data-label="Advice">${thresholdWords(advice, delegationsMin)}</td></tr>`;
}
