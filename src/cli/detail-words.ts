import { duration } from '../ops/page/format.ts';
import type { TimelineEntry } from '../sweeper/explanation/timeline.ts';

/** A number of milliseconds, by the name of its field. */
const MILLISECONDS = /Ms$/;
/** What PostgreSQL makes of a timestamptz in JSON. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/;

/** An activity's evidence in one line: `rule stale, silent 12 min 30 s`. */
export function detailWords({ detail, hasRequestBody, hasResponseBody }: TimelineEntry, now: string): string {
  const fields =
    detail === null
      ? ['(too large to be shown)']
      : Object.entries(detail).flatMap(([name, value]) => fieldWords(name, value, now));
  const bodies = [...(hasRequestBody ? ['with its request'] : []), ...(hasResponseBody ? ['with its response'] : [])];
  return [...fields, ...bodies].join(', ');
}

function fieldWords(name: string, value: unknown, now: string): string[] {
  if (value === null) return [];
  const label = name.replace(MILLISECONDS, '').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return [`${label} ${valueWords(name, value, now)}`];
}

function valueWords(name: string, value: unknown, now: string): string {
  if (typeof value === 'number') return MILLISECONDS.test(name) ? duration(value) : String(value);
  if (typeof value !== 'string') return JSON.stringify(value);
  if (!INSTANT.test(value) || Number.isNaN(Date.parse(value))) return value;
  const ago = Date.parse(now) - Date.parse(value);
  return `${new Date(value).toISOString()} (${ago >= 0 ? `${duration(ago)} ago` : `in ${duration(-ago)}`})`;
}
