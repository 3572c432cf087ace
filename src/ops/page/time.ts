import { instant, since } from './format.ts';
import { type Html, html } from './html.ts';

/** An instant in UTC, with the date unless it is today's; programs read the exact one. */
export function time(at: Date, now: Date): Html {
  return html`<time datetime="${at.toISOString()}">${instant(at, now)}</time>`;
}

/** How long ago it was, or in how long it will be; the instant is its title. */
export function age(at: Date, now: Date): Html {
  const words = at > now ? `in ${since(at, now)}` : `${since(now, at)} ago`;
  return html`<time datetime="${at.toISOString()}" title="${at.toISOString()}">${words}</time>`;
}
