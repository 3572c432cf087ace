import type { Census } from '../../sweeper/status/census.ts';
import { count } from '../page/format.ts';
import { type Html, html } from '../page/html.ts';
import type { Layout } from '../page/layout.ts';
import { stackedTable } from '../page/table.ts';
import type { Readiness } from '../readiness.ts';

export interface ListedLedger {
  readonly name: string;
  readonly readiness: Readiness;
  /** Null: it could not be read. */
  readonly census: Census | null;
}

const columns = [
  { name: 'Ledger' },
  { name: 'State' },
  { name: 'In progress' },
  { name: 'Waiting' },
  { name: 'Last sweep, UTC' },
];

/** The ledgers that the daemon serves, those first that need someone. */
export function ledgersPage(ledgers: readonly ListedLedger[], version: string): Layout {
  const unready = ledgers.filter(({ readiness }) => !readiness.ready);
  const [tone, title] =
    ledgers.length === 0
      ? ['bad', 'No ledger']
      : unready.length === 0
        ? ['good', 'Every ledger is swept']
        : ['bad', `${unready.length} of ${ledgers.length} ledgers not ready`];
  const detail =
    ledgers.length === 0
      ? 'There is no schema that DB_SCHEMAS names. It is looked up again every minute.'
      : `${ledgers.length} ${ledgers.length === 1 ? 'ledger' : 'ledgers'}. Each is judged and swept on its own.`;
  const ordered = [...unready, ...ledgers.filter(({ readiness }) => readiness.ready)];
  const main = html`<section class="verdict ${tone}"><h1>${title}</h1><p>${detail}</p></section>
<section><h2>Ledgers</h2>${
    ledgers.length === 0
      ? html`<p class="none">None.</p>`
      : stackedTable({ caption: 'Ledgers', columns, rows: ordered.map(row) })
  }</section>`;
  return { title, current: '/', pages: [{ path: '/', name: 'Ledgers' }], main, footer: 'Reloads every 30 s.', version };
}

function row({ name, readiness, census }: ListedLedger): (Html | string)[] {
  const { ready, reasons, sweptAt } = readiness;
  return [
    html`<a href="/ledgers/${name}/"><code>${name}</code></a>`,
    ready ? 'swept' : html`<b class="failed">${reasons.map(({ detail }) => detail).join('; ')}</b>`,
    census === null ? 'unknown' : count(census.byStatus.in_progress ?? 0),
    census === null ? 'unknown' : count(census.waiting),
    sweptAt === null
      ? 'never'
      : html`<time datetime="${sweptAt.toISOString()}">${sweptAt.toISOString().slice(0, 19).replace('T', ' ')}</time>`,
  ];
}
