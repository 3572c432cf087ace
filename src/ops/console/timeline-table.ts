import type { Timeline, TimelineEntry } from '../../sweeper/explanation/timeline.ts';
import { count, duration } from '../page/format.ts';
import { type Html, html } from '../page/html.ts';
import { statusWord } from '../page/status-word.ts';
import { stackedTable } from '../page/table.ts';
import type { Instants } from './explained.ts';

const columns = [
  { name: 'UTC', kind: 'at' },
  { name: 'Later by', kind: 'at' },
  { name: 'What', kind: 'step' },
  { name: 'By', kind: 'agent' },
  { name: 'Detail' },
];

/** What happened to a delegation, oldest first. */
export function timelineTable({ first, last, leftOut, leftOutIsCapped }: Timeline, at: Instants, isGone = false): Html {
  if (isGone) return html`<p class="none">Its activity was removed (RETENTION_ACTIVITY).</p>`;
  if (first.length === 0) return html`<p class="none">The ledger has no activity of it.</p>`;
  const table = (caption: string, entries: readonly TimelineEntry[]) =>
    stackedTable({ caption, columns, rows: entries.map((entry) => cells(entry, at)) });
  if (last.length === 0) return table('What happened to it, oldest first', first);
  const between = `${leftOutIsCapped ? 'At least ' : ''}${count(leftOut)} between these are left out.`;
  return html`${table('What happened to it first', first)}<p class="none">${between}</p>${table('What happened to it last', last)}`;
}

function cells(entry: TimelineEntry, at: Instants): readonly (Html | string)[] {
  return [
    at.at(entry.at),
    entry.sinceBeforeMs === null ? '' : duration(entry.sinceBeforeMs),
    whatOf(entry),
    html`<code>${entry.actor}</code>`,
    detailOf(entry),
  ];
}

function whatOf({ event, fromStatus, toStatus }: TimelineEntry): Html {
  if (toStatus === null) return html`${event.replace('delegation.', '').replaceAll('_', ' ')}`;
  return fromStatus === null ? statusWord(toStatus) : html`${fromStatus} → ${statusWord(toStatus)}`;
}

function detailOf({ detail, hasRequestBody, hasResponseBody }: TimelineEntry): Html {
  const facts = detail === null ? [] : Object.entries(detail).filter(([, value]) => value !== null);
  const bodies = [hasRequestBody ? 'the whole request' : null, hasResponseBody ? 'the whole response' : null];
  const kept = bodies.filter((body) => body !== null).join(' and ');
  return html`${detail === null ? 'too large to be shown' : null}${facts.map(
    ([name, value]) =>
      html`<span class="detail">${name}: <span class="preview">${typeof value === 'string' ? value : JSON.stringify(value)}</span></span> `,
  )}${kept === '' ? null : html`<span class="detail">${kept} is kept in the database</span>`}`;
}
