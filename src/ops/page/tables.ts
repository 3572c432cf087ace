import type { History } from '../../sweeper/status/history.ts';
import { count, duration } from './format.ts';
import { type Html, html } from './html.ts';
import { calleeLink, callerLink, delegationLink, listHref } from './links.ts';
import { stackedTable } from './table.ts';
import { time } from './time.ts';

type Mark = History['marks'][number];

/** Given how late the delegation was, and how late it may be. */
const evidence: Readonly<Record<Mark['rule'], (late: string, allowed: string) => string>> = {
  stale: (late, allowed) => `silent for ${late}, ${allowed} allowed`,
  stalled: (late, allowed) => `no progress for ${late}, ${allowed} allowed`,
  overdue: (late) => `${late} past its deadline`,
};

const markColumns = [
  { name: 'Delegation', kind: 'id' },
  { name: 'UTC', kind: 'at' },
  { name: 'Callee', kind: 'agent' },
  { name: 'Caller', kind: 'agent' },
  { name: 'Marked', kind: 'step' },
  { name: 'Evidence' },
];

/** The latest marks, each with its evidence. */
export function marksTable(marks: History['marks'], now: Date): Html {
  if (marks.length === 0) return html`<p class="none">Nothing was marked in the last day.</p>`;
  const rows = marks.map((mark) => {
    const to = mark.rule === 'overdue' ? 'failed' : 'stuck';
    const late = evidence[mark.rule](duration(mark.latenessMs), duration(mark.stuckAfterMs));
    return [
      delegationLink(mark.delegationId),
      time(mark.at, now),
      calleeLink(mark.calleeId),
      callerLink(mark.callerId),
      html`${mark.fromStatus} → <b class="${to}">${to}</b>`,
      mark.probe === null ? late : `${late}; its agent: ${mark.probe.replaceAll('_', ' ')}`,
    ];
  });
  return stackedTable({ caption: 'The latest delegations that a sweep marked', columns: markColumns, rows });
}

/** The callees that fell silent most often. */
export function calleesTable(callees: History['callees']): Html {
  if (callees.length === 0) return html`<p class="none">No callee had a delegation marked stuck in the last day.</p>`;
  const max = Math.max(...callees.map((callee) => callee.count));
  const rows = callees.map(
    ({ calleeId, count: stuck }) =>
      html`<tr><th scope="row">${calleeLink(calleeId)}</th><td class="number"><a href="${listHref({ callee: calleeId, status: 'stuck' })}">${count(stuck)} stuck</a></td><td class="bar"><svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect class="stuck" width="${Math.max(1, Math.round((stuck / max) * 100))}" height="1"/></svg></td></tr>`,
  );
  return html`<table class="callees"><caption>Callees by the number of their delegations that were marked stuck in the last day</caption><thead><tr><th scope="col">Callee</th><th scope="col" class="number">Marked</th><td></td></tr></thead><tbody>${rows}</tbody></table>`;
}
