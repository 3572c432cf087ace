import { type Html, html } from './html.ts';

/** A delegation's status: the word says it, the colour repeats it. */
export function statusWord(status: string): Html {
  return html`<b class="${/^[a-z_]+$/.test(status) ? status : ''}">${status}</b>`;
}
