import { count } from '../page/format.ts';
import { type Html, html } from '../page/html.ts';
import type { Layout } from '../page/layout.ts';
import { calleeLink, callerLink, delegationLink, type ListQuery, listHref } from '../page/links.ts';
import { statusWord } from '../page/status-word.ts';
import { stackedTable } from '../page/table.ts';
import { age, time } from '../page/time.ts';
import { type FilterFormState, filterForm, findForm } from './filter-form.ts';
import type { ListedDelegation, Listing } from './listed.ts';

export interface ListPage extends FilterFormState {
  /** Null: there is none, since the filters were not accepted. */
  readonly listing: Listing | null;
  readonly version: string;
}

const columns = [
  { name: 'Delegation', kind: 'id' },
  { name: 'Status', kind: 'status' },
  { name: 'Callee', kind: 'agent' },
  { name: 'Caller', kind: 'agent' },
  { name: 'Created, UTC', kind: 'at' },
  { name: 'Last heard', kind: 'heard' },
  { name: 'Ended, or deadline', kind: 'heard' },
];

export function listPage({ listing, version, ...form }: ListPage): Layout {
  const main = html`<div class="title"><h1>Delegations</h1></div>
<section class="half"><h2>Filter</h2>${filterForm(form)}</section>
<section class="half"><h2>Find one</h2>${findForm('')}</section>
${listing === null ? refused(form) : results(form.filters, listing)}`;
  const footer = listing === null ? null : html`As of ${time(listing.now, listing.now)} UTC by the database's clock.`;
  return { title: 'Delegations', current: '/delegations', main, footer, version };
}

function refused({ problems }: FilterFormState): Html {
  return html`<section class="verdict bad" role="alert"><h2>The list was not read</h2>
<ul>${problems.map(({ filter, reason }) => html`<li><code>${filter}</code> ${reason}.</li>`)}</ul></section>`;
}

function results(filters: ListQuery, { rows, next, now }: Listing): Html {
  const heading = html`<h2>${headingOf(filters)}</h2>`;
  if (rows.length === 0) {
    return html`<section>${heading}<p class="none">${filters.after === undefined ? 'None.' : 'No more.'}</p>${pager(filters, next)}</section>`;
  }
  const caption = `${count(rows.length)} delegations, newest first`;
  return html`<section>${heading}${stackedTable({ caption, columns, rows: rows.map((row) => cells(row, now)) })}${pager(filters, next)}</section>`;
}

function headingOf({ status, callee, caller, 'older-than': olderThan, after }: ListQuery): Html {
  return html`${status === undefined ? 'All' : html`All that are <b>${status}</b>`}${
    callee === undefined ? null : html`, of callee <code>${callee}</code>`
  }${caller === undefined ? null : html`, of caller <code>${caller}</code>`}${
    olderThan === undefined ? null : `, older than ${olderThan}`
  }${after === undefined ? null : ', continued'}`;
}

function cells(row: ListedDelegation, now: Date): readonly (Html | string)[] {
  const { finishedAt, deadline, waitingUntil } = row;
  const end = finishedAt === null ? html`deadline ${age(deadline, now)}` : html`ended ${age(finishedAt, now)}`;
  const isWaiting = waitingUntil !== null && waitingUntil > now;
  return [
    delegationLink(row.delegationId),
    html`${statusWord(row.status)}${isWaiting ? ', waiting' : null}${row.attempt > 1 ? `, attempt ${row.attempt}` : null}`,
    calleeLink(row.calleeId),
    callerLink(row.callerId),
    time(row.createdAt, now),
    row.lastHeartbeat === null ? 'never' : age(row.lastHeartbeat, now),
    end,
  ];
}

function pager(filters: ListQuery, next: string | null): Html | null {
  const { after, ...rest } = filters;
  const newest = after === undefined ? null : html`<a href="${listHref(rest)}">Newest</a>`;
  const older = next === null ? null : html`<a href="${listHref({ ...rest, after: next })}">Older</a>`;
  if (newest === null && older === null) return null;
  return html`<nav class="pager" aria-label="Pages of the list">${newest}${older}</nav>`;
}
