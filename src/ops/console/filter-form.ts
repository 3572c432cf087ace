import { type Html, html, inputText } from '../page/html.ts';
import type { ListQuery } from '../page/links.ts';
import type { FilterProblem } from './bad-filters.ts';
import { ROWS_MAX } from './list-query.ts';

type Filter = 'status' | 'callee' | 'caller' | 'older-than' | 'limit';

interface Field {
  readonly filter: Filter;
  readonly label: string;
  readonly hint: string | null;
  readonly isNumber?: boolean;
}

const fields: readonly Field[] = [
  { filter: 'callee', label: 'Callee', hint: null },
  { filter: 'caller', label: 'Caller', hint: null },
  { filter: 'older-than', label: 'Older than', hint: 'such as 30m, 6h or 2d' },
  { filter: 'limit', label: 'Rows', hint: `1 to ${ROWS_MAX}`, isNumber: true },
];

export interface FilterFormState {
  readonly filters: ListQuery;
  readonly problems: readonly FilterProblem[];
  readonly statuses: readonly string[];
}

/** The list's filters, filled in as they were asked for. Sent by GET, so that a list has an address. */
export function filterForm({ filters, problems, statuses }: FilterFormState): Html {
  const problemOf = (filter: string) => problems.find((problem) => problem.filter === filter)?.reason ?? null;
  const given = filters.status ?? '';
  const options = ['', ...new Set([...statuses, given])].filter((status, i) => i === 0 || status !== '');
  return html`<form class="filters" method="get" action="/delegations">
<div class="field"><label for="status">Status</label>
<select id="status" name="status"${described('status', null, problemOf('status'))}>${options.map(
    (status) =>
      html`<option value="${inputText(status)}"${status === given ? html` selected` : null}>${status === '' ? 'any' : status}</option>`,
  )}</select>${note('status', null, problemOf('status'))}</div>
${fields.map((field) => fieldOf(field, filters[field.filter] ?? '', problemOf(field.filter)))}
<div class="buttons"><button>Show</button> <a href="/delegations">Clear the filters</a></div>
</form>`;
}

function fieldOf({ filter, label, hint, isNumber }: Field, value: string, problem: string | null): Html {
  return html`<div class="field"><label for="${filter}">${label}</label>
<input id="${filter}" name="${filter}" value="${inputText(value)}"${isNumber ? html` inputmode="numeric"` : null} autocomplete="off" autocapitalize="none" spellcheck="false"${described(filter, hint, problem)}>${note(filter, hint, problem)}</div>`;
}

function described(filter: string, hint: string | null, problem: string | null): Html | null {
  if (hint === null && problem === null) return null;
  return html` aria-describedby="${filter}-note"${problem === null ? null : html` aria-invalid="true"`}`;
}

function note(filter: string, hint: string | null, problem: string | null): Html | null {
  if (problem !== null) return html`<p class="problem" id="${filter}-note">${filter} ${problem}</p>`;
  return hint === null ? null : html`<p class="note" id="${filter}-note">${hint}</p>`;
}

/** Leads to the page of one delegation. */
export function findForm(id: string): Html {
  return html`<form class="filters" method="get" action="/delegations">
<div class="field wide"><label for="id">Delegation id</label>
<input id="id" name="id" value="${inputText(id)}" required autocomplete="off" autocapitalize="none" spellcheck="false"></div>
<div class="buttons"><button>Explain</button></div>
</form>`;
}
