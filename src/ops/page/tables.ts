import type { History } from '../../sweeper/status/history.ts';
import { count, duration, instant } from './format.ts';
import { type Html, html } from './html.ts';

type Mark = History['marks'][number];

/** Given how late the delegation was, and how late it may be. */
const evidence: Readonly<Record<Mark['rule'], (late: string, allowed: string) => string>> = {
  stale: (late, allowed) => `silent for ${late}, ${allowed} allowed`,
  stalled: (late, allowed) => `no progress for ${late}, ${allowed} allowed`,
  overdue: (late) => `${late} past its deadline`,
};

/** The latest marks, each with its evidence. */
export function marksTable(marks: History['marks'], now: Date): Html {
  if (marks.length === 0) return html`<p class="none">Nothing was marked in the last day.</p>`;
  return html`<table class="marks"><thead><tr><th class="at">UTC</th><th class="id">Delegation</th><th class="agent">Callee</th><th class="agent">Caller</th><th class="step">Marked</th><th>Evidence</th></tr></thead>
<tbody>${marks.map((mark) => row(mark, now))}</tbody></table>`;
}

function row(mark: Mark, now: Date): Html {
  const to = mark.rule === 'overdue' ? 'failed' : 'stuck';
  const late = evidence[mark.rule](duration(mark.latenessMs), duration(mark.stuckAfterMs));
  const why = mark.probe === null ? late : `${late}; its agent: ${mark.probe.replaceAll('_', ' ')}`;
  return html`<tr><td data-label="UTC">${instant(mark.at, now)}</td><td data-label="Delegation"><code>${mark.delegationId}</code></td><td data-label="Callee"><code>${mark.calleeId}</code></td><td data-label="Caller"><code>${mark.callerId}</code></td><td data-label="Marked"><span>${mark.fromStatus} → <b class="${to}">${to}</b></span></td><td data-label="Evidence">${why}</td></tr>`;
}

/** The callees that fell silent most often. */
export function calleesTable(callees: History['callees']): Html {
  if (callees.length === 0) return html`<p class="none">No callee had a delegation marked stuck in the last day.</p>`;
  const max = Math.max(...callees.map((callee) => callee.count));
  const rows = callees.map(
    ({ calleeId, count: stuck }) =>
      html`<tr><th scope="row"><code>${calleeId}</code></th><td class="number">${count(stuck)}</td><td class="bar"><svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect class="stuck" width="${Math.max(1, Math.round((stuck / max) * 100))}" height="1"/></svg></td></tr>`,
  );
  return html`<table class="callees"><thead><tr><th>Callee</th><th class="number">Stuck</th><th></th></tr></thead><tbody>${rows}</tbody></table>`;
}
