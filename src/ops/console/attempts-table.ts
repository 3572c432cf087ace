import type { Attempts } from '../../sweeper/explanation/explanation.ts';
import { type Html, html } from '../page/html.ts';
import { calleeLink, delegationLink } from '../page/links.ts';
import { statusWord } from '../page/status-word.ts';
import { stackedTable } from '../page/table.ts';
import type { Instants } from './explained.ts';

const columns = [
  { name: 'Delegation', kind: 'id' },
  { name: 'Attempt', kind: 'status' },
  { name: 'Status', kind: 'status' },
  { name: 'Callee', kind: 'agent' },
  { name: 'Created, UTC', kind: 'at' },
  { name: 'Ended', kind: 'heard' },
];

/** The delegations that tried the same, the first one first. */
export function attemptsTable({ list, isCutShort }: Attempts, at: Instants): Html {
  if (list.length === 1) return html`<p class="none">This one alone: nothing was tried again.</p>`;
  const rows = list.map(({ delegationId, attempt, status, calleeId, createdAt, finishedAt, isThis }) => [
    isThis ? html`<code>${delegationId}</code> (this one)` : delegationLink(delegationId),
    attempt,
    statusWord(status),
    calleeLink(calleeId),
    at.at(createdAt),
    finishedAt === null ? 'open' : at.age(finishedAt),
  ]);
  const more = isCutShort ? html`<p class="none">There are more than are listed.</p>` : null;
  return html`${stackedTable({ caption: 'The delegations that tried the same', columns, rows })}${more}`;
}
