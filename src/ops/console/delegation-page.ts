import type { Explanation } from '../../sweeper/explanation/explanation.ts';
import type { UnknownDelegation } from '../../sweeper/explanation/unknown-delegation.ts';
import { factsList } from '../page/facts.ts';
import { type Html, html } from '../page/html.ts';
import type { Layout } from '../page/layout.ts';
import { calleeLink, callerLink, delegationLink } from '../page/links.ts';
import { statusWord } from '../page/status-word.ts';
import { attemptsTable } from './attempts-table.ts';
import { endingSection } from './ending-section.ts';
import { Instants } from './explained.ts';
import { findForm } from './filter-form.ts';
import { nextSweepSection } from './next-sweep-section.ts';
import { previewsSection, rowSection, taskSection } from './row-section.ts';
import { timelineTable } from './timeline-table.ts';
import { verdictSection } from './verdict-section.ts';

const tones: Readonly<Record<string, string>> = { stuck: 'bad', failed: 'bad', completed: 'good' };

/** Why a delegation is as it is, and what happens next: first the sentence, then all that it rests on. */
export function delegationPage(explanation: Explanation, version: string): Layout {
  const { delegation, verdict, nextSweep, ending, timeline, activityIsGone, attempts, a2aTask } = explanation;
  const at = new Instants(explanation);
  const main = html`${headSection(explanation)}
${ending === null ? null : endingSection(ending, at, delegation.previews !== null)}
${verdict === null ? null : verdictSection(explanation, verdict, at)}
${verdict === null || nextSweep === null ? null : nextSweepSection(nextSweep, verdict, at)}
<section><h2>Timeline</h2>${timelineTable(timeline, at, activityIsGone)}</section>
<section><h2>Attempts</h2>${attemptsTable(attempts, at)}</section>
${rowSection(delegation, attempts, at)}
${a2aTask === null ? null : taskSection(a2aTask, at)}
${previewsSection(delegation)}`;
  const footer = html`As of ${at.at(explanation.now)} UTC by the database's clock.`;
  return { title: `${delegation.delegationId}: ${delegation.status}`, current: null, main, footer, version };
}

function headSection({ why, next, delegation, verdict }: Explanation): Html {
  const { delegationId, status, callerId, calleeId } = delegation;
  const tone = tones[status] ?? (verdict !== null && verdict.rule !== null ? 'warn' : 'calm');
  return html`<section class="verdict ${tone}"><h1><span>Delegation <code>${delegationId}</code></span></h1>
<p class="why">${why}</p><p><b>Next:</b> ${next}</p>
${factsList([
  ['Status', statusWord(status)],
  ['Callee', calleeLink(calleeId)],
  ['Caller', callerLink(callerId)],
])}</section>`;
}

/** The ledger has no such delegation; perhaps one of these was meant. */
export function unknownPage(unknown: UnknownDelegation, version: string): Layout {
  const { delegationId, activity, removedBefore, retriedAs, near } = unknown;
  const likes =
    near.length === 0
      ? html`<p class="none">No delegation’s id is like this one.</p>`
      : html`<p>Did you mean one of these?</p><ul>${near.map((id) => html`<li>${delegationLink(id)}</li>`)}</ul>`;
  const rest =
    activity === null
      ? null
      : html`<section><h2>Timeline</h2><p class="sub">Its activity is there, which outlives a delegation: it was deleted, or an update came for one that was never inserted.</p>
${timelineTable(activity, new Instants(unknown))}</section>`;
  const main = html`<section class="verdict bad"><h1>No such delegation</h1>
<p>The ledger has no delegation <code>${delegationId}</code>.</p>
${removedBefore === null ? null : html`<p>What ended before ${new Instants(unknown).at(removedBefore)} UTC may have been removed from it (RETENTION_DELEGATIONS).</p>`}
${retriedAs === null ? null : html`<p>There was one: ${delegationLink(retriedAs)} tries it again.</p>`}</section>
<section><h2>Like this one</h2>${likes}</section>
${rest}
<section><h2>Find another</h2>${findForm(delegationId)}</section>`;
  return { title: 'No such delegation', current: null, main, footer: null, version };
}
