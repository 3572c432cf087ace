import type { Explanation } from '../../sweeper/explanation/explanation.ts';
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
export function attemptsTable(attempts: Explanation['attempts'], at: Instants): Html {
  const first = attempts.find(({ retryOfIsGone }) => retryOfIsGone);
  if (attempts.length <= 1 && first === undefined) {
    return html`<p class="none">This one alone: nothing was tried again.</p>`;
  }
  const rows = attempts.map(
    ({ delegationId, attempt, status, calleeId, createdAt, finishedAt, startAfter, isThis }) => [
      isThis ? html`<code>${delegationId}</code> (this one)` : delegationLink(delegationId),
      attempt,
      statusWord(status),
      calleeLink(calleeId),
      at.at(createdAt),
      finishedAt !== null
        ? at.age(finishedAt)
        : startAfter === null
          ? 'open'
          : html`open, not to start before ${at.at(startAfter)}`,
    ],
  );
  const table = stackedTable({ caption: 'The delegations that tried the same', columns, rows });
  if (first === undefined) return table;
  return html`${table}<p class="none">What attempt ${first.attempt} tries again, <code>${first.retryOf}</code>, is not in the ledger any more.</p>`;
}
